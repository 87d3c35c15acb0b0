/* An XML-RPC server of the interface of ../README.md on xmlrpc-c's Abyss, which has neither TLS nor authentication.

   server --values values.tsv: prints READY and a JSON object on one line and serves until its stdin ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xmlrpc-c/base.h>
#include <xmlrpc-c/server.h>
#include <xmlrpc-c/server_abyss.h>

#define METHOD(name) static xmlrpc_value *name(xmlrpc_env *env, xmlrpc_value *params, void *info, void *call)
#define UNUSED (void)info, (void)call
#define ARGS(...)                                            \
    do {                                                     \
        UNUSED;                                              \
        xmlrpc_decompose_value(env, params, __VA_ARGS__);    \
        if (env->fault_occurred) return NULL;                \
    } while (0)

METHOD(get_data) {
    char *param, *text;
    ARGS("(s)", &param);
    if (asprintf(&text, "You got remote data => %s", param) < 0) abort();
    return xmlrpc_string_new(env, text);
}

METHOD(power) {
    int x, y, result = 1;
    ARGS("(ii)", &x, &y);
    while (y-- > 0) result *= x;
    return xmlrpc_int_new(env, result);
}

METHOD(list_dir) {
    char *path;
    ARGS("(s)", &path);
    xmlrpc_value *names = xmlrpc_array_new(env);
    DIR *dir = opendir(path);
    if (!dir) {
        xmlrpc_env_set_fault(env, XMLRPC_INTERNAL_ERROR, "no such directory");
        return NULL;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) xmlrpc_array_append_item(env, names, xmlrpc_string_new(env, entry->d_name));
    }
    closedir(dir);
    return names;
}

METHOD(echo) {
    xmlrpc_value *value;
    ARGS("(V)", &value);
    return value;
}

METHOD(add) {
    int a, b;
    ARGS("(ii)", &a, &b);
    return xmlrpc_int_new(env, a + b);
}

METHOD(nothing) {
    ARGS("()");
    return xmlrpc_nil_new(env);
}

METHOD(fail) {
    int code;
    char *text;
    ARGS("(is)", &code, &text);
    xmlrpc_env_set_fault(env, code, text);
    return NULL;
}

METHOD(big_text) {
    static const char FOX[] = "The quick brown fox. ";
    int n;
    ARGS("(i)", &n);
    char *text = malloc(n + 1);
    for (int i = 0; i < n; i++) text[i] = FOX[i % 21];
    xmlrpc_value *value = xmlrpc_string_new_lp(env, n, text);
    free(text);
    return value;
}

METHOD(big_array) {
    int n;
    ARGS("(i)", &n);
    xmlrpc_value *array = xmlrpc_array_new(env);
    for (int i = 0; i < n; i++) {
        xmlrpc_value *item = xmlrpc_int_new(env, i);
        xmlrpc_array_append_item(env, array, item);
        xmlrpc_DECREF(item);
    }
    return array;
}

METHOD(blob) {
    int n;
    ARGS("(i)", &n);
    unsigned char *bytes = malloc(n + 1);
    for (int i = 0; i < n; i++) bytes[i] = i % 251;
    xmlrpc_value *value = xmlrpc_base64_new(env, n, bytes);
    free(bytes);
    return value;
}

METHOD(size) {
    xmlrpc_value *value;
    size_t length = 0;
    ARGS("(V)", &value);
    if (xmlrpc_value_type(value) == XMLRPC_TYPE_BASE64) {
        const unsigned char *bytes;
        xmlrpc_read_base64(env, value, &length, &bytes);
    } else {
        const char *text;
        xmlrpc_read_string_lp(env, value, &length, &text);
    }
    return xmlrpc_int_new(env, (int)length);
}

METHOD(slow) {
    double seconds;
    ARGS("(d)", &seconds);
    usleep((useconds_t)(seconds * 1e6));
    return xmlrpc_string_new(env, "done");
}

METHOD(count) {
    static int so_far;
    ARGS("()");
    return xmlrpc_int_new(env, __sync_add_and_fetch(&so_far, 1));
}

/* --- the text form of values --------------------------------------------------------------------------------------- */

static void put_quoted(FILE *out, const char *text, size_t length) {
    fputc('"', out);
    for (size_t i = 0; i < length;) {
        unsigned char c = text[i];
        int more = c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
        unsigned int code = more == 2 ? c & 15 : more == 1 ? c & 31 : c;
        for (i++; more > 0; more--) code = code << 6 | ((unsigned char)text[i++] & 63);
        if (code == '"' || code == '\\') fprintf(out, "\\%c", code);
        else if (code >= 32 && code < 127) fputc((int)code, out);
        else fprintf(out, "\\u{%x}", code);
    }
    fputc('"', out);
}

static void put(xmlrpc_env *env, FILE *out, xmlrpc_value *value) {
    int i, n;
    xmlrpc_bool yes;
    double d;
    xmlrpc_int64 wide;
    size_t length;
    const char *text;
    const unsigned char *bytes;
    switch (xmlrpc_value_type(value)) {
    case XMLRPC_TYPE_INT: xmlrpc_read_int(env, value, &i), fprintf(out, "int:%d", i); break;
    case XMLRPC_TYPE_I8: xmlrpc_read_i8(env, value, &wide), fprintf(out, "int:%lld", (long long)wide); break;
    case XMLRPC_TYPE_BOOL: xmlrpc_read_bool(env, value, &yes), fprintf(out, "boolean:%d", yes); break;
    case XMLRPC_TYPE_DOUBLE: xmlrpc_read_double(env, value, &d), fprintf(out, "double:%.17g", d); break;
    case XMLRPC_TYPE_DATETIME: xmlrpc_read_datetime_str(env, value, &text), fprintf(out, "dateTime:%s", text); break;
    case XMLRPC_TYPE_NIL: fprintf(out, "nil"); break;
    case XMLRPC_TYPE_STRING:
        xmlrpc_read_string_lp(env, value, &length, &text);
        fprintf(out, "string:");
        put_quoted(out, text, length);
        break;
    case XMLRPC_TYPE_BASE64:
        xmlrpc_read_base64(env, value, &length, &bytes);
        fprintf(out, "base64:");
        for (size_t at = 0; at < length; at++) fprintf(out, "%02x", bytes[at]);
        break;
    case XMLRPC_TYPE_ARRAY:
        n = xmlrpc_array_size(env, value);
        fprintf(out, "array[");
        for (i = 0; i < n; i++) {
            xmlrpc_value *item;
            xmlrpc_array_read_item(env, value, i, &item);
            if (i) fprintf(out, ", ");
            put(env, out, item);
            xmlrpc_DECREF(item);
        }
        fprintf(out, "]");
        break;
    case XMLRPC_TYPE_STRUCT:
        n = xmlrpc_struct_size(env, value);
        fprintf(out, "struct{");
        for (i = 0; i < n; i++) {
            xmlrpc_value *key, *item;
            xmlrpc_struct_read_member(env, value, i, &key, &item);
            xmlrpc_read_string_lp(env, key, &length, &text);
            if (i) fprintf(out, ", ");
            put_quoted(out, text, length);
            fprintf(out, ": ");
            put(env, out, item);
            xmlrpc_DECREF(key);
            xmlrpc_DECREF(item);
        }
        fprintf(out, "}");
        break;
    default: fprintf(out, "?");
    }
}

METHOD(describe) {
    UNUSED;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    fprintf(out, "[");
    int n = xmlrpc_array_size(env, params);
    for (int i = 0; i < n; i++) {
        xmlrpc_value *item;
        xmlrpc_array_read_item(env, params, i, &item);
        if (i) fprintf(out, ", ");
        put(env, out, item);
        xmlrpc_DECREF(item);
    }
    fprintf(out, "]");
    fclose(out);
    xmlrpc_value *value = xmlrpc_string_new_lp(env, size, text);
    free(text);
    return value;
}

/* --- special values ------------------------------------------------------------------------------------------------ */

static struct {
    char *name, *xml;
} all_specials[200];
static int special_count;

static void read_values(const char *path) {
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t size = 0;
    if (!file) {
        perror(path);
        exit(2);
    }
    while (getline(&line, &size, file) > 0 && special_count < 200) {
        char *tab = strchr(line, '\t');
        if (!tab) continue;
        *tab = 0;
        tab[1 + strcspn(tab + 1, "\n")] = 0;
        all_specials[special_count].name = strdup(line);
        all_specials[special_count++].xml = strdup(tab + 1);
    }
    free(line);
    fclose(file);
}

METHOD(special) {
    char *name;
    ARGS("(s)", &name);
    for (int i = 0; i < special_count; i++) {
        if (strcmp(all_specials[i].name, name)) continue;
        xmlrpc_value *value = NULL;
        xmlrpc_parse_value_xml(env, all_specials[i].xml, strlen(all_specials[i].xml), &value);
        return value;
    }
    xmlrpc_env_set_fault(env, XMLRPC_INDEX_ERROR, "no such special value");
    return NULL;
}

METHOD(specials) {
    ARGS("()");
    xmlrpc_value *names = xmlrpc_array_new(env);
    for (int i = 0; i < special_count; i++) xmlrpc_array_append_item(env, names, xmlrpc_string_new(env, all_specials[i].name));
    return names;
}

/* --- the validation suite ------------------------------------------------------------------------------------------ */

METHOD(array_of_structs) {
    xmlrpc_value *structs;
    int sum = 0;
    ARGS("(A)", &structs);
    int n = xmlrpc_array_size(env, structs);
    for (int i = 0; i < n; i++) {
        xmlrpc_value *one;
        int curly;
        xmlrpc_array_read_item(env, structs, i, &one);
        xmlrpc_decompose_value(env, one, "{s:i,*}", "curly", &curly);
        if (env->fault_occurred) return NULL;
        sum += curly;
    }
    return xmlrpc_int_new(env, sum);
}

static int times(const char *text, char wanted) {
    int n = 0;
    for (; *text; text++) n += *text == wanted;
    return n;
}

METHOD(count_the_entities) {
    char *text;
    ARGS("(s)", &text);
    return xmlrpc_build_value(env, "{s:i,s:i,s:i,s:i,s:i}", "ctLeftAngleBrackets", times(text, '<'), "ctRightAngleBrackets", times(text, '>'),
                              "ctAmpersands", times(text, '&'), "ctApostrophes", times(text, '\''), "ctQuotes", times(text, '"'));
}

METHOD(easy_struct) {
    int moe, larry, curly;
    ARGS("({s:i,s:i,s:i,*})", "moe", &moe, "larry", &larry, "curly", &curly);
    return xmlrpc_int_new(env, moe + larry + curly);
}

METHOD(many_types) {
    UNUSED;
    (void)env;
    xmlrpc_INCREF(params);
    return params;
}

METHOD(moderate_size_array) {
    xmlrpc_value *texts, *first, *last;
    const char *a, *b;
    char *both;
    ARGS("(A)", &texts);
    xmlrpc_array_read_item(env, texts, 0, &first);
    xmlrpc_array_read_item(env, texts, xmlrpc_array_size(env, texts) - 1, &last);
    xmlrpc_read_string(env, first, &a);
    xmlrpc_read_string(env, last, &b);
    if (env->fault_occurred) return NULL;
    if (asprintf(&both, "%s%s", a, b) < 0) abort();
    return xmlrpc_string_new(env, both);
}

METHOD(nested_struct) {
    int moe, larry, curly;
    ARGS("({s:{s:{s:{s:i,s:i,s:i,*},*},*},*})", "2000", "04", "01", "moe", &moe, "larry", &larry, "curly", &curly);
    return xmlrpc_int_new(env, moe + larry + curly);
}

METHOD(simple_struct_return) {
    int n;
    ARGS("(i)", &n);
    return xmlrpc_build_value(env, "{s:i,s:i,s:i}", "times10", n * 10, "times100", n * 100, "times1000", n * 1000);
}

static const struct xmlrpc_method_info3 METHODS[] = {
    {"get_data", get_data, NULL, 0, "s:s", "Says what it was sent."},
    {"pow", power, NULL, 0, "i:ii", ""},
    {"listdir", list_dir, NULL, 0, "A:s", ""},
    {"echo", echo, NULL, 0, "?", ""},
    {"add", add, NULL, 0, "i:ii", ""},
    {"describe", describe, NULL, 0, "?", ""},
    {"nothing", nothing, NULL, 0, "n:", ""},
    {"fail", fail, NULL, 0, "?", ""},
    {"special", special, NULL, 0, "?", ""},
    {"specials", specials, NULL, 0, "A:", ""},
    {"blob", blob, NULL, 0, "6:i", ""},
    {"big_text", big_text, NULL, 0, "s:i", ""},
    {"big_array", big_array, NULL, 0, "A:i", ""},
    {"size", size, NULL, 0, "?", ""},
    {"slow", slow, NULL, 0, "s:d", ""},
    {"count", count, NULL, 0, "i:", ""},
    {"validator1.arrayOfStructsTest", array_of_structs, NULL, 0, "i:A", ""},
    {"validator1.countTheEntities", count_the_entities, NULL, 0, "S:s", ""},
    {"validator1.easyStructTest", easy_struct, NULL, 0, "i:S", ""},
    {"validator1.echoStructTest", echo, NULL, 0, "S:S", ""},
    {"validator1.manyTypesTest", many_types, NULL, 0, "A:ibsd86", ""},
    {"validator1.moderateSizeArrayCheck", moderate_size_array, NULL, 0, "s:A", ""},
    {"validator1.nestedStructTest", nested_struct, NULL, 0, "i:S", ""},
    {"validator1.simpleStructReturnTest", simple_struct_return, NULL, 0, "S:i", ""},
};

/* Whoever started this program holds the other end: no orphan outlives it, however it ends. */
static void *end_with_stdin(void *unused) {
    char buffer[4096];
    while (read(0, buffer, sizeof buffer) > 0) {
    }
    _exit(0);
    return unused;
}

static void must(xmlrpc_env *env, const char *what) {
    if (!env->fault_occurred) return;
    fprintf(stderr, "%s: %s\n", what, env->fault_string);
    exit(2);
}

int main(int argc, char **argv) {
    if (argc != 3 || strcmp(argv[1], "--values")) {
        fprintf(stderr, "usage: server --values values.tsv\n");
        return 2;
    }
    read_values(argv[2]);
    xmlrpc_env env;
    xmlrpc_env_init(&env);
    xmlrpc_limit_set(XMLRPC_XML_SIZE_LIMIT_ID, 64 << 20);
    xmlrpc_registry *registry = xmlrpc_registry_new(&env);
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++) xmlrpc_registry_add_method3(&env, registry, &METHODS[i]);
    must(&env, "registry");

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || getsockname(listener, (struct sockaddr *)&address, &length)) {
        perror("socket");
        return 2;
    }
    xmlrpc_server_abyss_global_init(&env);
    xmlrpc_server_abyss_parms parms = {
        .registryP = registry, .socket_bound = 1, .socket_handle = listener, .keepalive_timeout = 30, .keepalive_max_conn = 1000};
    xmlrpc_server_abyss_t *server;
    xmlrpc_server_abyss_create(&env, &parms, XMLRPC_APSIZE(socket_handle), &server);
    must(&env, "server");
    pthread_t thread;
    pthread_create(&thread, NULL, end_with_stdin, NULL);
    printf("READY {\"url\": \"http://127.0.0.1:%d/RPC2\", \"version\": \"%u.%u.%u\"}\n", ntohs(address.sin_port), xmlrpc_version_major,
           xmlrpc_version_minor, xmlrpc_version_point);
    fflush(stdout);
    xmlrpc_server_abyss_run_server(&env, server);
    must(&env, "serving");
    return 0;
}
