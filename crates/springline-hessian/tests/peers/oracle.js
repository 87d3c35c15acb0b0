// A second opinion on bytes: npm's hessian.js. Each line of stdin is a version, a value as Describe.java describes it, and
// our bytes in hex, with tabs between them. Each line of stdout has the bytes that hessian.js writes for the value, and `same`
// if it reads ours as the value; or `error: ..` in either place.
'use strict';

const { isDeepStrictEqual } = require('util');
const hessian = require('hessian.js');

// The value in the form that hessian.js writes: `$class` tells the type, `$` has the content.
function typed(x, containers) {
  if (x === null || typeof x !== 'object') {
    return x;
  }
  if ('int' in x) {
    return { $class: 'int', $: x.int };
  }
  if ('long' in x) {
    return { $class: 'long', $: x.long };
  }
  if ('double' in x) {
    return { $class: 'double', $: real(x.double) };
  }
  if ('bytes' in x) {
    return Buffer.from(x.bytes, 'hex');
  }
  if ('date' in x) {
    return new Date(Number(x.date));
  }
  if ('ref' in x) {
    return containers[x.ref];
  }
  if ('class' in x) {
    const content = {};
    const object = { $class: x.class, $: content };
    containers.push(object);
    for (const [name, value] of x.fields) {
      content[name] = typed(value, containers);
    }
    return object;
  }
  if ('map' in x) {
    const content = new Map();
    const object = x.type ? { $class: x.type, $: content } : content;
    containers.push(object);
    for (const [key, value] of x.map) {
      content.set(typed(key, containers), typed(value, containers));
    }
    return object;
  }
  const content = [];
  const object = x.type ? { $class: x.type, $: content } : content;
  containers.push(object);
  for (const item of x.list || x.open) {
    content.push(typed(item, containers));
  }
  return object;
}

// The value in the form that hessian.js reads: no types.
function plain(x, containers) {
  if (x === null || typeof x !== 'object') {
    return x;
  }
  if ('int' in x) {
    return x.int;
  }
  if ('long' in x) {
    return Number.isSafeInteger(Number(x.long)) ? Number(x.long) : x.long;
  }
  if ('double' in x) {
    return real(x.double);
  }
  if ('ref' in x) {
    return containers[x.ref];
  }
  if ('bytes' in x || 'date' in x) {
    return typed(x, containers);
  }
  const content = 'class' in x || 'map' in x ? {} : [];
  containers.push(content);
  for (const [name, value] of x.fields || []) {
    content[name] = plain(value, containers);
  }
  for (const [key, value] of x.map || []) {
    content[key] = plain(value, containers);
  }
  for (const item of x.list || x.open || []) {
    content.push(plain(item, containers));
  }
  return content;
}

function real(bits) {
  return Buffer.from(bits, 'hex').readDoubleBE(0);
}

function attempt(f) {
  try {
    return f();
  } catch (e) {
    return `error: ${String(e.message).split('\n')[0]}`;
  }
}

const lines = require('fs').readFileSync(0, 'utf8').split('\n').filter(Boolean);
for (const line of lines) {
  const [version, description, hex] = line.split('\t');
  const name = version === '1' ? '1.0' : '2.0';
  const value = JSON.parse(description);
  const written = attempt(() => hessian.encode(typed(value, []), name).toString('hex'));
  const read = attempt(() => {
    const got = hessian.decode(Buffer.from(hex, 'hex'), name);
    return isDeepStrictEqual(got, plain(value, [])) ? 'same' : `error: ${JSON.stringify(got)}`.slice(0, 200);
  });
  console.log(`${written}\t${read}`);
}
