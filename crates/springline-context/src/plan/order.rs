//! The order in which objects are made, and circles in it.

use super::Plan;
use crate::diagnostics::Diagnostics;
use crate::model::Scope;

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

/// Each object after all that it refers to.
pub(super) fn order(plan: &Plan, diagnostics: &mut Diagnostics) -> Vec<usize> {
    let references: Vec<Vec<usize>> = plan
        .objects
        .iter()
        .map(|planned| {
            // The last one is looked at first.
            planned.references().into_iter().filter_map(|id| plan.by_id.get(id).copied()).collect()
        })
        .collect();
    let mut states = vec![State::New; plan.objects.len()];
    let mut order = Vec::with_capacity(plan.objects.len());
    for first in 0..plan.objects.len() {
        if states.get(first) != Some(&State::New) {
            continue;
        }
        // Not by recursion: chains may be long.
        let mut path = vec![(first, 0)];
        if let Some(state) = states.get_mut(first) {
            *state = State::Open;
        }
        while let Some((object, next)) = path.last_mut() {
            let object = *object;
            let Some(target) = references.get(object).and_then(|of| of.get(*next)).copied() else {
                if let Some(state) = states.get_mut(object) {
                    *state = State::Done;
                }
                order.push(object);
                path.pop();
                continue;
            };
            *next += 1;
            match states.get(target) {
                Some(State::New) => {
                    if let Some(state) = states.get_mut(target) {
                        *state = State::Open;
                    }
                    path.push((target, 0));
                }
                Some(State::Open) => tell_circle(plan, &path, target, diagnostics),
                _ => {}
            }
        }
    }
    too_deep(plan, &references, &order, diagnostics);
    order
}

fn tell_circle(plan: &Plan, path: &[(usize, usize)], target: usize, diagnostics: &mut Diagnostics) {
    let circle = path.iter().map(|(object, _)| *object).skip_while(|object| *object != target);
    let ids: Vec<&str> =
        circle.chain([target]).filter_map(|object| plan.objects.get(object)).map(|p| p.id.as_str()).collect();
    let shown = match ids.as_slice() {
        [first, .., last] if ids.len() > 12 => format!("{first} -> .. {} more .. -> {last}", ids.len() - 2),
        _ => ids.join(" -> "),
    };
    if let Some(planned) = plan.objects.get(target) {
        diagnostics.add(&planned.at, format!("objects refer to one another in a circle: {shown}"));
    }
}

/// Prototypes within prototypes.
pub(crate) const DEEP: usize = 64;

// Prototypes are made anew for each reference, one within the other.
fn too_deep(plan: &Plan, references: &[Vec<usize>], order: &[usize], diagnostics: &mut Diagnostics) {
    let mut depths = vec![0_usize; plan.objects.len()];
    for object in order {
        let Some(planned) = plan.objects.get(*object) else { continue };
        let below = references.get(*object).into_iter().flatten().filter_map(|target| depths.get(*target)).max();
        let below = below.copied().unwrap_or(0);
        let depth = if planned.scope == Scope::Prototype { below + 1 } else { 0 };
        if depth == DEEP + 1 {
            diagnostics.add(&planned.at, format!("prototypes refer to one another more than {DEEP} levels deep"));
        }
        if let Some(slot) = depths.get_mut(*object) {
            *slot = depth;
        }
    }
}
