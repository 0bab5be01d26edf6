/*
 * One unix datagram socket, which Node.js has none of: `kamcmd -s unixd:path` speaks to it. It moves bytes and knows
 * nothing of what they mean. libuv polls the descriptor; each datagram is given to JavaScript with its sender's name.
 * Nothing is static: an addon instance, thus each thread, has what it made.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "addon.h"

enum { LAYOUT = 1, LARGEST = 65536, PER_TURN = 32 };

struct port {
  napi_env env;
  uv_poll_t *poll;
  int fd;
  int owners; /* The JavaScript object and the poll handle; the last one to go frees it. */
  bool closed;
  napi_async_cleanup_hook_handle hook;
  napi_ref received;
  uint8_t bytes[LARGEST];
};

static const napi_type_tag port_tag = {0x6d1f3c9e0b7a4582, 0xb4e29d7718c60fa3};

static void disown(struct port *port) {
  if (--port->owners > 0) return;
  free(port->poll);
  free(port);
}

/* ── Names ───────────────────────────────────────────────────────────────────────────────────── */

/* A name as JavaScript has it: one character for each byte. Returns its length, or 0 for what is none. */
static socklen_t name_from(napi_env env, napi_value value, struct sockaddr_un *out) {
  size_t length;
  char name[sizeof out->sun_path + 2]; /* So that one that is too long is not cut to fit. */
  memset(out, 0, sizeof *out);
  out->sun_family = AF_UNIX;
  if (napi_get_value_string_latin1(env, value, name, sizeof name, &length) != napi_ok) return 0;
  if (length == 0 || length > sizeof out->sun_path) return 0;
  memcpy(out->sun_path, name, length);
  return offsetof(struct sockaddr_un, sun_path) + length;
}

/* ── Datagrams ───────────────────────────────────────────────────────────────────────────────── */

/* Level-triggered: what is left wakes the loop again. */
static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct port *port = uv_handle_get_data(poll);
  napi_env env = port->env;
  for (int left = PER_TURN; left > 0 && !port->closed; left--) {
    struct sockaddr_un from;
    socklen_t size = sizeof from;
    ssize_t length = recvfrom(port->fd, port->bytes, LARGEST, MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from, &size);
    if (length < 0) return;
    /* A sender without a name cannot be answered, and what was cut is no packet. */
    if (size <= offsetof(struct sockaddr_un, sun_path) || length > LARGEST) continue;
    napi_handle_scope scope;
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    napi_value arguments[2], received, receiver, error;
    if (napi_create_buffer_copy(env, length, port->bytes, NULL, &arguments[0]) == napi_ok &&
        napi_create_string_latin1(env, from.sun_path, size - offsetof(struct sockaddr_un, sun_path), &arguments[1]) ==
            napi_ok &&
        napi_get_reference_value(env, port->received, &received) == napi_ok &&
        napi_get_global(env, &receiver) == napi_ok &&
        napi_make_callback(env, NULL, receiver, received, 2, arguments, NULL) == napi_pending_exception &&
        napi_get_and_clear_last_exception(env, &error) == napi_ok)
      napi_fatal_exception(env, error);
    napi_close_handle_scope(env, scope);
  }
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────── */

static void on_closed(uv_poll_t *poll) {
  struct port *port = uv_handle_get_data(poll);
  napi_remove_async_cleanup_hook(port->hook);
  disown(port);
}

static void close_port(struct port *port) {
  if (port->closed) return;
  port->closed = true;
  napi_delete_reference(port->env, port->received);
  uv_close(port->poll, on_closed);
  close(port->fd);
}

/* The thread ends with it open. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_port(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  disown(data);
}

/* ── What JavaScript sees ────────────────────────────────────────────────────────────────────── */

static struct port *port_of(napi_env env, napi_value object) {
  bool ours = false;
  struct port *port;
  if (napi_check_object_type_tag(env, object, &port_tag, &ours) != napi_ok || !ours) return NULL;
  return napi_unwrap(env, object, (void **)&port) == napi_ok && !port->closed ? port : NULL;
}

/* Returns the descriptor or -errno. */
static int bind_name(const struct sockaddr_un *name, socklen_t size) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (bind(fd, (const struct sockaddr *)name, size) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

/* open(name, received): an object for the other calls, or -errno. */
static napi_value open_port(napi_env env, napi_callback_info info) {
  napi_value values[2], object = NULL;
  size_t count = 2;
  napi_valuetype type;
  struct sockaddr_un name;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  socklen_t size = name_from(env, values[0], &name);
  if (size == 0 || napi_typeof(env, values[1], &type) != napi_ok || type != napi_function)
    return refuse(env, "open(name, received)");
  int fd = bind_name(&name, size);
  if (fd < 0) return number(env, fd);

  struct uv_loop_s *loop;
  struct port *port = calloc(1, sizeof *port);
  uv_poll_t *poll = calloc(1, uv_handle_size(UV_POLL));
  if (!port || !poll || napi_create_object(env, &object) != napi_ok || napi_get_uv_event_loop(env, &loop) != napi_ok ||
      uv_poll_init(loop, poll, fd) != 0) {
    free(port);
    free(poll);
    close(fd);
    return number(env, -ENOMEM);
  }
  port->env = env;
  port->poll = poll;
  port->fd = fd;
  port->owners = 1;
  uv_handle_set_data(poll, port);
  napi_create_reference(env, values[1], 1, &port->received);
  napi_add_async_cleanup_hook(env, on_cleanup, port, &port->hook);
  uv_poll_start(poll, UV_READABLE, on_readable);
  if (napi_wrap(env, object, port, on_collected, NULL, NULL) != napi_ok) {
    close_port(port);
    return number(env, -ENOMEM);
  }
  port->owners++;
  napi_type_tag_object(env, object, &port_tag);
  return object;
}

/* send(port, bytes, name): 0, or -errno where it is lost; it never waits. */
static napi_value send_bytes(napi_env env, napi_callback_info info) {
  napi_value values[3];
  size_t count = 3, length;
  void *bytes = NULL;
  bool buffer = false;
  struct sockaddr_un name;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  struct port *port = port_of(env, values[0]);
  if (!port) return refuse(env, "not an open port");
  socklen_t size = name_from(env, values[2], &name);
  if (size == 0 || napi_is_buffer(env, values[1], &buffer) != napi_ok || !buffer ||
      napi_get_buffer_info(env, values[1], &bytes, &length) != napi_ok)
    return refuse(env, "send(port, bytes, name)");
  ssize_t sent =
      sendto(port->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&name, size);
  return number(env, sent < 0 ? -errno : 0);
}

/* close(port): no more calls of `received`. */
static napi_value close_one(napi_env env, napi_callback_info info) {
  napi_value values[1];
  size_t count = 1;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  struct port *port = port_of(env, values[0]);
  if (port) close_port(port);
  return NULL;
}

/* answers(name): somebody has a datagram socket of that name. */
static napi_value answers(napi_env env, napi_callback_info info) {
  napi_value values[1], result = NULL;
  size_t count = 1;
  struct sockaddr_un name;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  socklen_t size = name_from(env, values[0], &name);
  if (size == 0) return refuse(env, "answers(name)");
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  /* EPROTOTYPE: it is a stream's, and lives. */
  bool alive = fd >= 0 && (connect(fd, (const struct sockaddr *)&name, size) == 0 || errno == EPROTOTYPE);
  if (fd >= 0) close(fd);
  napi_get_boolean(env, alive, &result);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor names[] = {
      {"layout", NULL, NULL, NULL, NULL, number(env, LAYOUT), napi_enumerable, NULL},
      {"open", NULL, open_port, NULL, NULL, NULL, napi_enumerable, NULL},
      {"send", NULL, send_bytes, NULL, NULL, NULL, napi_enumerable, NULL},
      {"close", NULL, close_one, NULL, NULL, NULL, napi_enumerable, NULL},
      {"answers", NULL, answers, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof names / sizeof *names, names);
  return exports;
}
