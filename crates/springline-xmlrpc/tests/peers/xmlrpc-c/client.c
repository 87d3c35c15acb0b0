/* An XML-RPC client on xmlrpc-c that tries what it can of the features of ../README.md and prints a JSON line for each, as
   ../client.py does. xmlrpc-c's transport is libcurl, which does TLS.

   client --url URL --auth URL --values values.tsv [--way WAY --certs DIR] [--feature NAME ...] */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/client.h>
#include <xmlrpc-c/client_global.h>

static const char *url, *auth_url, *values_file, *way = "plain", *certs;
static char **wanted;
static int wanted_count, failures;

/* What a feature came to. */
enum outcome { OK, WRONG, CANNOT };
static char detail[2000];

static enum outcome say(enum outcome outcome, const char *format, ...) {
    va_list list;
    va_start(list, format);
    vsnprintf(detail, sizeof detail, format, list);
    va_end(list);
    return outcome;
}

#define CHECK(condition, ...)                     \
    do {                                          \
        if (!(condition)) return say(WRONG, __VA_ARGS__); \
    } while (0)

/* --- calling ------------------------------------------------------------------------------------------------------- */

static xmlrpc_client *client_of(const char *who, const char *ca) {
    xmlrpc_env env;
    xmlrpc_env_init(&env);
    struct xmlrpc_curl_xportparms curl = {0};
    struct xmlrpc_clientparms parms = {0};
    char *cert = NULL, *key = NULL, *trusted = NULL;
    if (certs) {
        if (asprintf(&trusted, "%s/%s", certs, ca) < 0) abort();
        curl.cainfo = trusted;
        if (who) {
            if (asprintf(&cert, "%s/%s-cert.pem", certs, who) < 0 || asprintf(&key, "%s/%s-key.pem", certs, who) < 0) abort();
            curl.ssl_cert = cert;
            curl.sslkey = key;
        }
    }
    curl.timeout = 120 * 1000;
    parms.transport = "curl";
    parms.transportparmsP = &curl;
    parms.transportparm_size = XMLRPC_CXPSIZE(timeout);
    xmlrpc_client *client;
    xmlrpc_client_create(&env, XMLRPC_CLIENT_NO_FLAGS, "springline-peer", "1", &parms, XMLRPC_CPSIZE(transportparm_size), &client);
    if (env.fault_occurred) {
        fprintf(stderr, "no client: %s\n", env.fault_string);
        exit(2);
    }
    free(cert), free(key), free(trusted);
    return client;
}

static xmlrpc_client *shared;
static xmlrpc_env env;

static xmlrpc_server_info *server_at(const char *at, const char *user, const char *password) {
    xmlrpc_env local;
    xmlrpc_env_init(&local);
    xmlrpc_server_info *server = xmlrpc_server_info_new(&local, at);
    if (user) {
        xmlrpc_server_info_set_user(&local, server, user, password);
        xmlrpc_server_info_allow_auth_basic(&local, server);
    }
    if (local.fault_occurred) {
        fprintf(stderr, "%s: %s\n", at, local.fault_string);
        exit(2);
    }
    xmlrpc_env_clean(&local);
    return server;
}

/* Calls; `params` is an array and is given away. NULL and a fault in `env` when it fails. */
static xmlrpc_value *call_by(xmlrpc_client *client, xmlrpc_server_info *server, const char *method, xmlrpc_value *params) {
    xmlrpc_value *result = NULL;
    xmlrpc_env_clean(&env);
    xmlrpc_env_init(&env);
    xmlrpc_client_call2(&env, client, server, method, params, &result);
    xmlrpc_DECREF(params);
    xmlrpc_server_info_free(server);
    if (!env.fault_occurred) return result;
    /* What it puts before the server's own words. */
    const char *prefix = "RPC failed at server.  ";
    if (strncmp(env.fault_string, prefix, strlen(prefix)) == 0) {
        memmove(env.fault_string, env.fault_string + strlen(prefix), strlen(env.fault_string + strlen(prefix)) + 1);
    }
    return NULL;
}

static xmlrpc_value *call(const char *method, xmlrpc_value *params) {
    return call_by(shared, server_at(url, NULL, NULL), method, params);
}

static xmlrpc_value *build(const char *format, ...) {
    xmlrpc_env local;
    xmlrpc_env_init(&local);
    va_list list;
    va_start(list, format);
    xmlrpc_value *value = NULL;
    const char *tail;
    xmlrpc_build_value_va(&local, format, list, &value, &tail);
    va_end(list);
    if (local.fault_occurred) {
        fprintf(stderr, "%s: %s\n", format, local.fault_string);
        exit(2);
    }
    return value;
}

/* --- values -------------------------------------------------------------------------------------------------------- */

/* The value as xmlrpc-c writes it: equal texts are equal values. NULL when it cannot write it. */
static char *text_of(xmlrpc_value *value) {
    xmlrpc_env local;
    xmlrpc_env_init(&local);
    xmlrpc_mem_block *block = xmlrpc_mem_block_new(&local, 0);
    xmlrpc_serialize_value(&local, block, value);
    char *text = NULL;
    if (!local.fault_occurred) text = strndup(xmlrpc_mem_block_contents(block), xmlrpc_mem_block_size(block));
    xmlrpc_mem_block_free(block);
    xmlrpc_env_clean(&local);
    return text;
}

static xmlrpc_value *parse(const char *xml, char *why, size_t size) {
    xmlrpc_env local;
    xmlrpc_env_init(&local);
    xmlrpc_value *value = NULL;
    xmlrpc_parse_value_xml(&local, xml, strlen(xml), &value);
    if (local.fault_occurred) {
        snprintf(why, size, "%s", local.fault_string);
        value = NULL;
    }
    xmlrpc_env_clean(&local);
    return value;
}

static bool same(xmlrpc_value *a, xmlrpc_value *b) {
    if (xmlrpc_value_type(a) == XMLRPC_TYPE_DOUBLE && xmlrpc_value_type(b) == XMLRPC_TYPE_DOUBLE) {
        /* It reads and writes them by arithmetic of its own, to some 15 digits. */
        xmlrpc_env local;
        xmlrpc_env_init(&local);
        double x, y;
        xmlrpc_read_double(&local, a, &x);
        xmlrpc_read_double(&local, b, &y);
        double difference = x > y ? x - y : y - x, size = x > 0 ? x : -x;
        return difference <= size * 1e-14 ? true : (say(WRONG, "wanted %.17g, got %.17g", x, y), false);
    }
    char *x = text_of(a), *y = text_of(b);
    bool is_same = x && y && strcmp(x, y) == 0;
    if (!is_same) say(WRONG, "wanted %.300s, got %.300s", x ? x : "?", y ? y : "?");
    free(x), free(y);
    return is_same;
}

static bool is_int(xmlrpc_value *value, int wanted_int) {
    xmlrpc_value *other = build("i", wanted_int);
    bool yes = value && same(other, value);
    xmlrpc_DECREF(other);
    return yes;
}

static bool is_text(xmlrpc_value *value, const char *wanted_text) {
    xmlrpc_value *other = build("s", wanted_text);
    bool yes = value && same(other, value);
    xmlrpc_DECREF(other);
    return yes;
}

static enum outcome works(void) {
    CHECK(is_int(call("add", build("(ii)", 1, 2)), 3), "the server does not work any more: %s", env.fault_string);
    return OK;
}

struct special {
    char *name, *xml;
};
static struct special specials[200];
static int special_count;

static void read_values(void) {
    FILE *file = fopen(values_file, "r");
    char *line = NULL;
    size_t size = 0;
    if (!file) {
        perror(values_file);
        exit(2);
    }
    while (getline(&line, &size, file) > 0 && special_count < 200) {
        char *tab = strchr(line, '\t');
        if (!tab) continue;
        *tab = 0;
        tab[1 + strcspn(tab + 1, "\n")] = 0;
        specials[special_count++] = (struct special){strdup(line), strdup(tab + 1)};
    }
    free(line);
    fclose(file);
}

/* The value, if xmlrpc-c reads it and finds what it wrote itself. */
static xmlrpc_value *own_value(struct special *special, bool writes) {
    char why[300];
    if (strcmp(special->name, "str_cr") == 0) {
        say(CANNOT, "xmlrpc-c reads CR as LF, also where it is a reference");
        return NULL;
    }
    xmlrpc_value *value = parse(special->xml, why, sizeof why);
    if (!value) {
        say(CANNOT, "xmlrpc-c cannot read it: %s", why);
        return NULL;
    }
    if (!writes) return value;
    char *text = text_of(value);
    char *element = NULL;
    if (!text || asprintf(&element, "%s", text) < 0) {
        say(CANNOT, "xmlrpc-c cannot write it");
        return NULL;
    }
    xmlrpc_value *back = parse(element, why, sizeof why);
    free(element), free(text);
    if (!back || !same(value, back)) {
        say(CANNOT, "xmlrpc-c does not read what it writes itself");
        return NULL;
    }
    xmlrpc_DECREF(back);
    return value;
}

static bool is_not_finite(struct special *special) {
    return strcmp(special->name, "double_inf") == 0 || strcmp(special->name, "double_nan") == 0;
}

static enum outcome echo(struct special *special) {
    if (is_not_finite(special)) return say(CANNOT, "xmlrpc-c 1.33 writes NaN as 0 and ends when it is to write an infinity");
    xmlrpc_value *value = own_value(special, true);
    if (!value) return CANNOT;
    xmlrpc_value *got = call("echo", build("(V)", value));
    CHECK(got, "%d %s", env.fault_code, env.fault_string);
    return same(value, got) ? OK : WRONG;
}

static enum outcome special(struct special *special) {
    xmlrpc_value *value = own_value(special, false);
    if (!value) return CANNOT;
    xmlrpc_value *got = call("special", build("(s)", special->name));
    CHECK(got, "%d %s", env.fault_code, env.fault_string);
    if (is_not_finite(special)) {
        double number = 0;
        xmlrpc_read_double(&env, got, &number);
        CHECK(strcmp(special->name, "double_inf") == 0 ? number > 1e308 : number != number, "got %g", number);
        return OK;
    }
    return same(value, got) ? OK : WRONG;
}

/* --- the features -------------------------------------------------------------------------------------------------- */

static enum outcome plain_call(void) {
    CHECK(is_text(call("get_data", build("(s)", "Hello")), "You got remote data => Hello"), "%s", env.fault_string);
    return OK;
}

static enum outcome power(void) {
    CHECK(is_int(call("pow", build("(ii)", 41, 3)), 68921), "%s", env.fault_string);
    return OK;
}

static enum outcome listdir(void) {
    xmlrpc_value *got = call("listdir", build("(s)", certs));
    CHECK(got, "%s", env.fault_string);
    char *text = text_of(got);
    CHECK(text && strstr(text, "<string>ca-chain.pem</string>"), "got %.300s", text ? text : "?");
    free(text);
    return OK;
}

static enum outcome arguments(void) {
    xmlrpc_value *got = call("describe", build("(isdb(is){s:i}6)", 1, "x\u00e9\"", 2.5, (xmlrpc_bool)1, 1, "two", "a", 1, "\0\xff", (size_t)2));
    CHECK(is_text(got, "[int:1, string:\"x\\u{e9}\\\"\", double:2.5, boolean:1, array[int:1, string:\"two\"], struct{\"a\": int:1}, base64:00ff]"),
          "%s", env.fault_occurred ? env.fault_string : detail);
    return OK;
}

static enum outcome no_arguments(void) {
    CHECK(is_text(call("describe", build("()")), "[]"), "%s", env.fault_string);
    return OK;
}

static enum outcome none(void) {
    xmlrpc_value *got = call("nothing", build("()"));
    CHECK(got && xmlrpc_value_type(got) == XMLRPC_TYPE_NIL, "nothing() is not nil: %s", env.fault_string);
    return OK;
}

static enum outcome fault(void) {
    CHECK(!call("fail", build("(is)", 42, "no good")) && env.fault_code == 42 && strcmp(env.fault_string, "no good") == 0, "%d %s", env.fault_code,
          env.fault_string);
    CHECK(!call("fail", build("(is)", -7, "")) && env.fault_code == -7 && strcmp(env.fault_string, "") == 0, "%d %s", env.fault_code,
          env.fault_string);
    return works();
}

static enum outcome fault_unicode(void) {
    const char *text = "caf\u00e9 \u041f \"<&>'";
    CHECK(!call("fail", build("(is)", 1, text)) && strcmp(env.fault_string, text) == 0, "%s", env.fault_string);
    return OK;
}

static enum outcome fault_of_exception(void) {
    CHECK(!call("raise_it", build("(ss)", "value", "the message")) && strstr(env.fault_string, "the message"), "%s", env.fault_string);
    return works();
}

static enum outcome unknown_method(void) {
    CHECK(!call("no_such_method", build("()")) && env.fault_code == -32601 && strstr(env.fault_string, "no_such_method"), "%d %s", env.fault_code,
          env.fault_string);
    return OK;
}

static enum outcome wrong_arguments(void) {
    CHECK(!call("add", build("(i)", 1)) && env.fault_code == -32602, "%d %s", env.fault_code, env.fault_string);
    CHECK(!call("add", build("(iii)", 1, 2, 3)) && env.fault_code == -32602, "%d %s", env.fault_code, env.fault_string);
    CHECK(!call("add", build("(s{})", "x")) && env.fault_code == -32602, "%d %s", env.fault_code, env.fault_string);
    return works();
}

static enum outcome list_methods(void) {
    xmlrpc_value *got = call("system.listMethods", build("()"));
    char *text = got ? text_of(got) : NULL;
    CHECK(text, "%s", env.fault_string);
    for (const char **name = (const char *[]){"pow", "get_data", "validator1.easyStructTest", "system.multicall", NULL}; *name; name++) {
        char element[100];
        snprintf(element, sizeof element, "<string>%s</string>", *name);
        CHECK(strstr(text, element), "%s is missing", *name);
    }
    free(text);
    return OK;
}

static enum outcome method_help(void) {
    CHECK(is_text(call("system.methodHelp", build("(s)", "get_data")), "Says what it was sent."), "%s", env.fault_string);
    return OK;
}

static enum outcome method_signature(void) {
    xmlrpc_value *got = call("system.methodSignature", build("(s)", "get_data"));
    CHECK(got, "%s", env.fault_string);
    return say(OK, "%s", text_of(got));
}

static enum outcome multicall(void) {
    xmlrpc_value *got = call("system.multicall", build("(({s:s,s:(ii)}{s:s,s:(s)}))", "methodName", "add", "params", 1, 2, "methodName", "get_data",
                                                       "params", "x"));
    CHECK(got, "%s", env.fault_string);
    return same(build("((i)(s))", 3, "You got remote data => x"), got) ? OK : WRONG;
}

static enum outcome multicall_faults(void) {
    xmlrpc_value *got = call("system.multicall", build("(({s:s,s:(is)}{s:s,s:(ii)}))", "methodName", "fail", "params", 42, "no good", "methodName",
                                                       "add", "params", 3, 4));
    CHECK(got, "%s", env.fault_string);
    return same(build("({s:i,s:s}(i))", "faultCode", 42, "faultString", "no good", 7), got) ? OK : WRONG;
}

static enum outcome array_of_structs(void) {
    xmlrpc_value *structs = build("({s:i,s:i,s:i}{s:i,s:i,s:i}{s:i,s:i,s:i})", "moe", 1, "larry", 2, "curly", 3, "moe", 4, "larry", 5, "curly", -60,
                                  "moe", 7, "larry", 8, "curly", 900);
    CHECK(is_int(call("validator1.arrayOfStructsTest", build("(V)", structs)), 843), "%s", env.fault_string);
    return OK;
}

static enum outcome count_the_entities(void) {
    xmlrpc_value *got = call("validator1.countTheEntities", build("(s)", "<<>a&&&'\"\"b"));
    CHECK(got, "%s", env.fault_string);
    int left, right, amp, apos, quot;
    xmlrpc_decompose_value(&env, got, "{s:i,s:i,s:i,s:i,s:i,*}", "ctLeftAngleBrackets", &left, "ctRightAngleBrackets", &right, "ctAmpersands", &amp,
                           "ctApostrophes", &apos, "ctQuotes", &quot);
    CHECK(!env.fault_occurred && left == 2 && right == 1 && amp == 3 && apos == 1 && quot == 2, "%s", text_of(got));
    return OK;
}

static enum outcome easy_struct(void) {
    CHECK(is_int(call("validator1.easyStructTest", build("({s:i,s:i,s:i})", "moe", 1, "larry", 20, "curly", 300)), 321), "%s", env.fault_string);
    return OK;
}

static enum outcome echo_struct(void) {
    xmlrpc_value *value = build("{s:{s:i},s:{s:s}}", "a", "b", 1, "c", "d", "<e>");
    xmlrpc_value *got = call("validator1.echoStructTest", build("(V)", value));
    CHECK(got, "%s", env.fault_string);
    return same(value, got) ? OK : WRONG;
}

static enum outcome many_types(void) {
    xmlrpc_value *six = build("(ibsd86)", 7, (xmlrpc_bool)0, "text <&>", 12.5, "20261122T12:30:15", "\0\1\xff", (size_t)3);
    xmlrpc_INCREF(six);
    xmlrpc_value *got = call("validator1.manyTypesTest", six);
    CHECK(got, "%s", env.fault_string);
    return same(six, got) ? OK : WRONG;
}

static enum outcome moderate_size_array(void) {
    xmlrpc_value *texts = build("()");
    for (int i = 0; i < 150; i++) {
        char text[30];
        snprintf(text, sizeof text, "text %d", i);
        xmlrpc_array_append_item(&env, texts, build("s", text));
    }
    CHECK(is_text(call("validator1.moderateSizeArrayCheck", build("(V)", texts)), "text 0text 149"), "%s", env.fault_string);
    return OK;
}

static enum outcome nested_struct(void) {
    xmlrpc_value *calendar = build("{s:{s:{s:{},s:{}}},s:{s:{s:{s:i,s:i,s:i},s:{}},s:{}}}", "1999", "01", "01", "02", "2000", "04", "01", "moe", 5,
                                   "larry", 6, "curly", 7, "02", "05");
    CHECK(is_int(call("validator1.nestedStructTest", build("(V)", calendar)), 18), "%s", env.fault_string);
    return OK;
}

static enum outcome simple_struct_return(void) {
    xmlrpc_value *got = call("validator1.simpleStructReturnTest", build("(i)", 7));
    CHECK(got, "%s", env.fault_string);
    int ten, hundred, thousand;
    xmlrpc_decompose_value(&env, got, "{s:i,s:i,s:i,*}", "times10", &ten, "times100", &hundred, "times1000", &thousand);
    CHECK(!env.fault_occurred && ten == 70 && hundred == 700 && thousand == 7000, "%s", text_of(got));
    return OK;
}

static enum outcome big_array(void) {
    xmlrpc_value *got = call("big_array", build("(i)", 20000));
    CHECK(got && xmlrpc_array_size(&env, got) == 20000, "%s", env.fault_string);
    xmlrpc_value *last;
    xmlrpc_array_read_item(&env, got, 19999, &last);
    CHECK(is_int(last, 19999), "another array");
    return OK;
}

static enum outcome big_text(void) {
    xmlrpc_value *got = call("big_text", build("(i)", 1000000));
    CHECK(got, "%s", env.fault_string);
    CHECK(is_int(call("size", build("(V)", got)), 1000000), "%s", env.fault_string);
    return OK;
}

static enum outcome big_blob(void) {
    xmlrpc_value *got = call("blob", build("(i)", 1000000));
    CHECK(got, "%s", env.fault_string);
    CHECK(is_int(call("size", build("(V)", got)), 1000000), "%s", env.fault_string);
    return OK;
}

static enum outcome many_calls(void) {
    for (int i = 0; i < 200; i++) CHECK(is_int(call("add", build("(ii)", i, 1)), i + 1), "%s", env.fault_string);
    return OK;
}

static enum outcome basic_auth(void) {
    xmlrpc_value *got = call_by(shared, server_at(auth_url, "user", "pa:ss w\u00f6rd"), "add", build("(ii)", 1, 2));
    CHECK(is_int(got, 3), "%s", env.fault_string);
    return OK;
}

static enum outcome basic_auth_refused(void) {
    CHECK(!call_by(shared, server_at(auth_url, "user", "wrong"), "add", build("(ii)", 1, 2)) && strstr(env.fault_string, "401"), "%s",
          env.fault_string);
    CHECK(!call_by(shared, server_at(auth_url, NULL, NULL), "add", build("(ii)", 1, 2)) && strstr(env.fault_string, "401"), "%s", env.fault_string);
    return OK;
}

static enum outcome path_unknown(void) {
    char *at = strdup(url);
    memcpy(strstr(at, "/RPC2"), "/nope", 5);
    CHECK(!call_by(shared, server_at(at, NULL, NULL), "add", build("(ii)", 1, 2)) && strstr(env.fault_string, "404"), "%s", env.fault_string);
    free(at);
    return OK;
}

static enum outcome path_root(void) {
    char *at = strdup(url);
    strstr(at, "/RPC2")[1] = 0;
    CHECK(is_int(call_by(shared, server_at(at, NULL, NULL), "add", build("(ii)", 1, 2)), 3), "%s", env.fault_string);
    free(at);
    return OK;
}

static enum outcome let_in(const char *who, const char *ways) {
    if (strcmp(way, "plain") == 0) return say(CANNOT, "there is no TLS in this column");
    xmlrpc_client *client = client_of(who, "ca-chain.pem");
    xmlrpc_value *got = call_by(client, server_at(url, NULL, NULL), "add", build("(ii)", 1, 2));
    xmlrpc_client_destroy(client);
    bool wanted_in = strstr(ways, way) != NULL;
    if (got) {
        CHECK(wanted_in && is_int(got, 3), "it was let in");
        return OK;
    }
    CHECK(!wanted_in, "refused: %s", env.fault_string);
    CHECK(env.fault_code == XMLRPC_NETWORK_ERROR && !strstr(env.fault_string, "HTTP response"), "the server spoke to it: %d %s", env.fault_code,
          env.fault_string);
    char told[500];
    snprintf(told, sizeof told, "%s", env.fault_string);
    return works() == OK ? say(OK, "%s", told) : WRONG;
}

static enum outcome right_certificate(void) { return let_in("client", "tls cert fields"); }
static enum outcome no_certificate(void) { return let_in(NULL, "tls"); }
static enum outcome unknown_ca(void) { return let_in("stranger", "tls"); }
static enum outcome wrong_field(void) { return let_in("other", "tls cert"); }
static enum outcome missing_field(void) { return let_in("lacking", "tls cert"); }

static enum outcome server_of_unknown_ca(void) {
    if (strcmp(way, "plain") == 0) return say(CANNOT, "there is no TLS in this column");
    xmlrpc_client *client = client_of("client", "stranger-ca.pem");
    xmlrpc_value *got = call_by(client, server_at(url, NULL, NULL), "add", build("(ii)", 1, 2));
    xmlrpc_client_destroy(client);
    CHECK(!got, "the client trusts it");
    return say(OK, "%s", env.fault_string);
}

static const struct {
    const char *name;
    enum outcome (*run)(void);
} features[] = {
    {"call", plain_call},
    {"pow", power},
    {"listdir", listdir},
    {"arguments", arguments},
    {"no_arguments", no_arguments},
    {"none", none},
    {"big_array", big_array},
    {"big_text", big_text},
    {"big_blob", big_blob},
    {"many_calls", many_calls},
    {"fault", fault},
    {"fault_unicode", fault_unicode},
    {"fault_of_exception", fault_of_exception},
    {"unknown_method", unknown_method},
    {"wrong_arguments", wrong_arguments},
    {"list_methods", list_methods},
    {"method_help", method_help},
    {"method_signature", method_signature},
    {"multicall", multicall},
    {"multicall_faults", multicall_faults},
    {"validator1.arrayOfStructsTest", array_of_structs},
    {"validator1.countTheEntities", count_the_entities},
    {"validator1.easyStructTest", easy_struct},
    {"validator1.echoStructTest", echo_struct},
    {"validator1.manyTypesTest", many_types},
    {"validator1.moderateSizeArrayCheck", moderate_size_array},
    {"validator1.nestedStructTest", nested_struct},
    {"validator1.simpleStructReturnTest", simple_struct_return},
    {"path_root", path_root},
    {"path_unknown", path_unknown},
    {"basic_auth", basic_auth},
    {"basic_auth_refused", basic_auth_refused},
    {"tls:right_certificate", right_certificate},
    {"tls:no_certificate", no_certificate},
    {"tls:unknown_ca", unknown_ca},
    {"tls:wrong_field", wrong_field},
    {"tls:missing_field", missing_field},
    {"tls:server_of_unknown_ca", server_of_unknown_ca},
};

/* --- the program --------------------------------------------------------------------------------------------------- */

static bool is_wanted(const char *name) {
    if (wanted_count == 0) return true;
    for (int i = 0; i < wanted_count; i++) {
        size_t length = strlen(wanted[i]);
        if (strcmp(wanted[i], name) == 0) return true;
        if (length && wanted[i][length - 1] == ':' && strncmp(wanted[i], name, length) == 0) return true;
    }
    return false;
}

static void tell(const char *name, enum outcome outcome) {
    static const char *const WORDS[] = {"true", "false", "null"};
    printf("{\"feature\": \"%s\", \"ok\": %s, \"detail\": \"", name, WORDS[outcome]);
    for (const unsigned char *c = (const unsigned char *)detail; *c; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c < 32 || *c > 126) printf("\\u%04x", *c);
        else putchar(*c);
    }
    printf("\"}\n");
    fflush(stdout);
    failures += outcome == WRONG;
}

int main(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--url") == 0) url = argv[i + 1];
        else if (strcmp(argv[i], "--auth") == 0) auth_url = argv[i + 1];
        else if (strcmp(argv[i], "--values") == 0) values_file = argv[i + 1];
        else if (strcmp(argv[i], "--way") == 0) way = argv[i + 1];
        else if (strcmp(argv[i], "--certs") == 0) certs = argv[i + 1];
        else if (strcmp(argv[i], "--feature") == 0) {
            wanted = argv + i + 1;
            wanted_count = argc - i - 1;
            break;
        } else {
            fprintf(stderr, "unknown: %s\n", argv[i]);
            return 2;
        }
    }
    if (!url || !auth_url || !values_file || !certs) {
        fprintf(stderr, "--url, --auth, --values and --certs are needed\n");
        return 2;
    }
    xmlrpc_env_init(&env);
    /* By default it reads no more than 512 KiB. */
    xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, 64 << 20);
    xmlrpc_client_setup_global_const(&env);
    read_values();
    shared = client_of("client", "ca-chain.pem");
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < special_count; i++) {
            char name[100];
            snprintf(name, sizeof name, "%s:%s", pass ? "special" : "echo", specials[i].name);
            if (!is_wanted(name)) continue;
            detail[0] = 0;
            tell(name, pass ? special(&specials[i]) : echo(&specials[i]));
        }
    }
    for (size_t i = 0; i < sizeof features / sizeof features[0]; i++) {
        if (!is_wanted(features[i].name)) continue;
        detail[0] = 0;
        tell(features[i].name, features[i].run());
    }
    xmlrpc_client_destroy(shared);
    return failures ? 1 : 0;
}
