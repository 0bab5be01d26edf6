/*
 * UDP in batches for the event loop of one thread. It moves bytes between sockets and buffers of its
 * JavaScript side and knows nothing of what they mean.
 *
 * An `Io` has one epoll set for all of its sockets, which libuv polls as one descriptor: the thread is
 * woken once for whatever has come, `ready(count, rang)` is called once, and `send(count)` sends a batch. The
 * buffers belong to JavaScript, which may take them away at any time, so they are looked up anew at each
 * crossing. Nothing is static: an addon instance, thus each thread, has what it made.
 */
#define _GNU_SOURCE
#define NAPI_VERSION 8
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "addon.h"

/* Goes up when what JavaScript sees changes, so that an addon left over from another version is not taken. */
enum { LAYOUT = 3 };

/* One entry of both tables; native-udp-port.ts reads and writes the same layout. */
struct datagram {
  int32_t socket;
  int32_t buffer; /* Of what is sent: 0 lies in the received bytes, 1 in those of the sender. */
  int32_t offset;
  int32_t length;
  struct sockaddr_in6 peer; /* Or a sockaddr_in, and zeros. */
};

enum { RECEIVED, RECEIVED_TABLE, SENT, SENT_TABLE, BUFFERS };
enum { LARGEST = 65536, EVENTS = 64, ALARM = INT32_MIN };

/* A socket's number is its slot and how often the slot was used, so that an old number finds nobody. */
enum { SLOT_BITS = 20, SLOTS = 1 << SLOT_BITS, USES = 1 << (31 - SLOT_BITS) };

struct socket {
  int fd; /* -1: the slot is free. */
  int32_t number;
  int32_t next_free;
};

struct io {
  napi_env env;
  uv_poll_t *poll;
  int epoll;
  int alarm; /* A timer, to less than a millisecond, which libuv's are not. */
  bool rang;
  int owners; /* The JavaScript object and the poll handle; the last one to go frees it. */
  bool closed;
  napi_async_cleanup_hook_handle hook;
  napi_ref buffers[BUFFERS];
  napi_ref ready;
  struct socket *sockets;
  int32_t slots, free, open;
};

static const napi_type_tag io_tag = {0x1d0c0f5a6b8e4d27, 0x9a41c3e2b7f05d68};

static void disown(struct io *io) {
  if (--io->owners > 0) return;
  free(io->sockets);
  free(io->poll);
  free(io);
}

/* ── The sockets ─────────────────────────────────────────────────────────────────────────────── */

static struct socket *find(const struct io *io, int32_t number) {
  int32_t slot = number & (SLOTS - 1);
  if (number < 0 || slot >= io->slots) return NULL;
  struct socket *socket = &io->sockets[slot];
  return socket->fd >= 0 && socket->number == number ? socket : NULL;
}

static struct socket *take_slot(struct io *io) {
  if (io->free < 0) {
    int32_t more = io->slots == 0 ? 64 : io->slots * 2;
    struct socket *sockets = more > SLOTS ? NULL : realloc(io->sockets, more * sizeof *sockets);
    if (!sockets) return NULL;
    for (int32_t slot = io->slots; slot < more; slot++)
      sockets[slot] = (struct socket){.fd = -1, .number = slot, .next_free = slot + 1 < more ? slot + 1 : -1};
    io->free = io->slots;
    io->slots = more;
    io->sockets = sockets;
  }
  struct socket *socket = &io->sockets[io->free];
  io->free = socket->next_free;
  return socket;
}

static void release_slot(struct io *io, struct socket *socket) {
  int32_t slot = socket->number & (SLOTS - 1);
  int32_t uses = ((socket->number >> SLOT_BITS) + 1) % USES;
  *socket = (struct socket){.fd = -1, .number = uses << SLOT_BITS | slot, .next_free = io->free};
  io->free = slot;
}

static void close_socket(struct io *io, struct socket *socket) {
  close(socket->fd); /* Which takes it out of the epoll set. */
  release_slot(io, socket);
  if (--io->open == 0) uv_unref(io->poll);
}

static socklen_t size_of(const struct sockaddr_in6 *address) {
  return address->sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/* A socket of IPv6 takes IPv4 too, as it does in Node.js. Returns the descriptor or -errno. */
static int open_socket(const struct sockaddr_in6 *address, int buffer) {
  int fd = socket(address->sin6_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int off = 0;
  if (address->sin6_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  if (bind(fd, (const struct sockaddr *)address, size_of(address)) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

/* ── Addresses ───────────────────────────────────────────────────────────────────────────────── */

/* An IP address, never a name; of IPv6 with a scope where it has one. With `wide` IPv4 is mapped into IPv6. */
static bool parse_address(char *text, uint16_t port, bool wide, struct sockaddr_in6 *out) {
  memset(out, 0, sizeof *out);
  struct in_addr v4;
  if (inet_pton(AF_INET, text, &v4) == 1) {
    if (wide) {
      out->sin6_family = AF_INET6;
      out->sin6_port = htons(port);
      out->sin6_addr.s6_addr[10] = out->sin6_addr.s6_addr[11] = 0xff;
      memcpy(&out->sin6_addr.s6_addr[12], &v4, sizeof v4);
    } else {
      struct sockaddr_in *narrow = (struct sockaddr_in *)out;
      narrow->sin_family = AF_INET;
      narrow->sin_port = htons(port);
      narrow->sin_addr = v4;
    }
    return true;
  }
  out->sin6_family = AF_INET6;
  out->sin6_port = htons(port);
  char *scope = strchr(text, '%');
  if (scope) {
    *scope = '\0';
    out->sin6_scope_id = if_nametoindex(scope + 1);
    if (out->sin6_scope_id == 0) return false;
  }
  return inet_pton(AF_INET6, text, &out->sin6_addr) == 1;
}

/* `out` has room for ADDRESS_TEXT bytes. */
enum { ADDRESS_TEXT = INET6_ADDRSTRLEN + IF_NAMESIZE + 1 };
static bool print_address(const struct sockaddr_in6 *address, char *out) {
  if (address->sin6_family == AF_INET)
    return inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, out, ADDRESS_TEXT) != NULL;
  if (address->sin6_family != AF_INET6) return false;
  if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
    return inet_ntop(AF_INET, &address->sin6_addr.s6_addr[12], out, ADDRESS_TEXT) != NULL;
  if (!inet_ntop(AF_INET6, &address->sin6_addr, out, ADDRESS_TEXT)) return false;
  char name[IF_NAMESIZE];
  if (IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr) && if_indextoname(address->sin6_scope_id, name)) {
    strcat(out, "%");
    strcat(out, name);
  }
  return true;
}

/* ── Batches ─────────────────────────────────────────────────────────────────────────────────── */

/* A buffer as it is now: nothing of it where JavaScript has given it away. */
static uint8_t *view(const struct io *io, int buffer, size_t *length) {
  napi_value value;
  void *data = NULL;
  *length = 0;
  if (napi_get_reference_value(io->env, io->buffers[buffer], &value) != napi_ok) return NULL;
  if (napi_get_typedarray_info(io->env, value, NULL, length, &data, NULL, NULL) != napi_ok || !data) *length = 0;
  return data;
}

/* Level-triggered: what finds no room here wakes the loop again. */
static uint32_t receive(struct io *io) {
  size_t room, table_bytes, used = 0;
  uint8_t *bytes = view(io, RECEIVED, &room);
  struct datagram *table = (struct datagram *)view(io, RECEIVED_TABLE, &table_bytes);
  uint32_t count = 0, limit = table_bytes / sizeof *table;
  struct epoll_event events[EVENTS];
  for (;;) {
    uint32_t want = limit - count < EVENTS ? limit - count : EVENTS;
    int ready = want == 0 ? 0 : epoll_wait(io->epoll, events, want, 0);
    uint32_t before = count;
    for (int i = 0; i < ready && room - used >= LARGEST; i++) {
      uint64_t times;
      if ((int32_t)events[i].data.u32 == ALARM && read(io->alarm, &times, sizeof times) > 0) io->rang = true;
      const struct socket *socket = find(io, events[i].data.u32);
      if (!socket) continue;
      struct datagram *datagram = &table[count];
      socklen_t size = sizeof datagram->peer;
      memset(&datagram->peer, 0, sizeof datagram->peer);
      ssize_t length = recvfrom(socket->fd, bytes + used, LARGEST, 0, (struct sockaddr *)&datagram->peer, &size);
      if (length < 0) continue; /* An ICMP error that was kept for us: a datagram is lost. */
      datagram->socket = socket->number;
      datagram->buffer = 0;
      datagram->offset = used;
      datagram->length = length;
      used += (length + 7) & ~7;
      count++;
    }
    if (count == before) return count;
  }
}

static void on_readable(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events;
  struct io *io = uv_handle_get_data(poll);
  napi_env env = io->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value arguments[2], ready, receiver, error;
  io->rang = false;
  uint32_t received = receive(io);
  if ((received > 0 || io->rang) && napi_create_uint32(env, received, &arguments[0]) == napi_ok &&
      napi_get_boolean(env, io->rang, &arguments[1]) == napi_ok &&
      napi_get_reference_value(env, io->ready, &ready) == napi_ok && napi_get_global(env, &receiver) == napi_ok &&
      napi_make_callback(env, NULL, receiver, ready, 2, arguments, NULL) == napi_pending_exception &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

/* What the network or a full buffer refuses is lost, as datagrams are. */
static void send_batch(const struct io *io, uint32_t count) {
  size_t length[2], table_bytes;
  const uint8_t *bytes[2] = {view(io, RECEIVED, &length[0]), view(io, SENT, &length[1])};
  const struct datagram *table = (const struct datagram *)view(io, SENT_TABLE, &table_bytes);
  if (count > table_bytes / sizeof *table) count = table_bytes / sizeof *table;
  for (const struct datagram *datagram = table; datagram < table + count; datagram++) {
    const struct socket *socket = find(io, datagram->socket);
    int from = datagram->buffer & 1;
    if (!socket || datagram->offset < 0 || datagram->length < 0) continue;
    if ((size_t)datagram->offset + (size_t)datagram->length > length[from]) continue;
    sendto(socket->fd, bytes[from] + datagram->offset, datagram->length, 0, (const struct sockaddr *)&datagram->peer,
           size_of(&datagram->peer));
  }
}

/* ── The end ─────────────────────────────────────────────────────────────────────────────────── */

static void on_closed(uv_poll_t *poll) {
  struct io *io = uv_handle_get_data(poll);
  napi_remove_async_cleanup_hook(io->hook);
  disown(io);
}

static void close_io(struct io *io) {
  if (io->closed) return;
  io->closed = true;
  for (int32_t slot = 0; slot < io->slots; slot++)
    if (io->sockets[slot].fd >= 0) close_socket(io, &io->sockets[slot]);
  for (int buffer = 0; buffer < BUFFERS; buffer++) napi_delete_reference(io->env, io->buffers[buffer]);
  napi_delete_reference(io->env, io->ready);
  uv_close(io->poll, on_closed);
  close(io->epoll);
  close(io->alarm);
}

/* The thread ends with the Io open. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  close_io(data);
}

static void on_collected(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  disown(data);
}

/* ── What JavaScript sees ────────────────────────────────────────────────────────────────────── */

static bool whole(napi_env env, napi_value value, double max, int32_t *out) {
  double given;
  if (napi_get_value_double(env, value, &given) != napi_ok || !(given >= 0 && given <= max)) return false;
  *out = given;
  return *out == given;
}

/* `out` has room for ADDRESS_TEXT bytes. */
static bool text(napi_env env, napi_value value, char *out) {
  size_t length;
  if (napi_get_value_string_utf8(env, value, out, ADDRESS_TEXT, &length) != napi_ok) return false;
  return length < ADDRESS_TEXT - 1 && strlen(out) == length;
}

static bool bytes_of(napi_env env, napi_value value, uint8_t **data, size_t *length) {
  bool typed;
  napi_typedarray_type type;
  void *start = NULL;
  if (napi_is_typedarray(env, value, &typed) != napi_ok || !typed) return false;
  if (napi_get_typedarray_info(env, value, &type, length, &start, NULL, NULL) != napi_ok) return false;
  *data = start;
  return type == napi_uint8_array && start && (uintptr_t)start % sizeof(int32_t) == 0;
}

/* The open Io that a method is called on. */
static struct io *self(napi_env env, napi_callback_info info, size_t arguments, napi_value *values) {
  napi_value object;
  bool ours = false;
  struct io *io;
  size_t count = arguments;
  if (napi_get_cb_info(env, info, &count, values, &object, NULL) != napi_ok) return NULL;
  if (napi_check_object_type_tag(env, object, &io_tag, &ours) == napi_ok && ours &&
      napi_unwrap(env, object, (void **)&io) == napi_ok && !io->closed)
    return io;
  refuse(env, "not an open Io");
  return NULL;
}

/* new Io(received, receivedTable, sent, sentTable, ready): four Uint8Arrays and a function. */
static napi_value io_new(napi_env env, napi_callback_info info) {
  napi_value values[BUFFERS + 1], object, target = NULL;
  size_t count = BUFFERS + 1;
  napi_valuetype type;
  if (napi_get_cb_info(env, info, &count, values, &object, NULL) != napi_ok) return NULL;
  if (napi_get_new_target(env, info, &target) != napi_ok || !target) return refuse(env, "Io is a class");
  for (int buffer = 0; buffer < BUFFERS; buffer++) {
    uint8_t *data;
    size_t length;
    if (!bytes_of(env, values[buffer], &data, &length)) return refuse(env, "a buffer is no aligned Uint8Array");
  }
  if (napi_typeof(env, values[BUFFERS], &type) != napi_ok || type != napi_function)
    return refuse(env, "ready is no function");

  struct uv_loop_s *loop;
  struct io *io = calloc(1, sizeof *io);
  uv_poll_t *poll = calloc(1, uv_handle_size(UV_POLL));
  int epoll = epoll_create1(EPOLL_CLOEXEC), alarm = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = ALARM};
  if (!io || !poll || epoll_ctl(epoll, EPOLL_CTL_ADD, alarm, &event) != 0 || napi_get_uv_event_loop(env, &loop) != napi_ok ||
      uv_poll_init(loop, poll, epoll) != 0) {
    free(io);
    free(poll);
    if (epoll >= 0) close(epoll);
    if (alarm >= 0) close(alarm);
    napi_throw_error(env, "ERR_IO", "no epoll set can be had");
    return NULL;
  }
  *io = (struct io){.env = env, .poll = poll, .epoll = epoll, .alarm = alarm, .owners = 1, .free = -1};
  uv_handle_set_data(poll, io);
  for (int buffer = 0; buffer < BUFFERS; buffer++) napi_create_reference(env, values[buffer], 1, &io->buffers[buffer]);
  napi_create_reference(env, values[BUFFERS], 1, &io->ready);
  napi_add_async_cleanup_hook(env, on_cleanup, io, &io->hook);
  uv_poll_start(poll, UV_READABLE, on_readable);
  uv_unref(poll);
  if (napi_wrap(env, object, io, on_collected, NULL, NULL) != napi_ok) {
    close_io(io);
    return refuse(env, "Io is made of a plain object");
  }
  io->owners++;
  napi_type_tag_object(env, object, &io_tag);
  return object;
}

/* bind(address, port, bufferBytes): the socket's number, or -errno. */
static napi_value io_bind(napi_env env, napi_callback_info info) {
  napi_value values[3];
  struct io *io = self(env, info, 3, values);
  if (!io) return NULL;
  char address[ADDRESS_TEXT];
  int32_t port, buffer;
  struct sockaddr_in6 parsed;
  if (!text(env, values[0], address) || !whole(env, values[1], 65535, &port) ||
      !whole(env, values[2], INT32_MAX, &buffer))
    return refuse(env, "bind(address, port, bufferBytes)");
  if (!parse_address(address, port, false, &parsed)) return number(env, -EINVAL);
  int fd = open_socket(&parsed, buffer);
  if (fd < 0) return number(env, fd);
  struct socket *socket = take_slot(io);
  if (!socket) {
    close(fd);
    return number(env, -ENFILE);
  }
  socket->fd = fd;
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = socket->number};
  if (epoll_ctl(io->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
    int error = errno;
    close(fd);
    release_slot(io, socket);
    return number(env, -error);
  }
  if (io->open++ == 0) uv_ref(io->poll);
  return number(env, socket->number);
}

/* port(socket): where it is bound. */
static napi_value io_port(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct io *io = self(env, info, 1, values);
  int32_t which;
  if (!io) return NULL;
  struct socket *socket = whole(env, values[0], INT32_MAX, &which) ? find(io, which) : NULL;
  struct sockaddr_in6 address = {0};
  socklen_t size = sizeof address;
  if (!socket || getsockname(socket->fd, (struct sockaddr *)&address, &size) != 0) return refuse(env, "no such socket");
  return number(env, ntohs(address.sin6_port)); /* At the same place in a sockaddr_in. */
}

/* release(socket) closes it; one that is closed is left alone. */
static napi_value io_release(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct io *io = self(env, info, 1, values);
  int32_t which;
  if (!io) return NULL;
  if (!whole(env, values[0], INT32_MAX, &which)) return refuse(env, "release(socket)");
  struct socket *socket = find(io, which);
  if (socket) close_socket(io, socket);
  return NULL;
}

/* send(count): so many entries of the table. */
static napi_value io_send(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct io *io = self(env, info, 1, values);
  int32_t count;
  if (!io) return NULL;
  if (!whole(env, values[0], INT32_MAX, &count)) return refuse(env, "send(count)");
  send_batch(io, count);
  return NULL;
}

/* alarm(ms): `ready` is called with `rang` in so many milliseconds, or fractions. A new one replaces it. */
static napi_value io_alarm(napi_env env, napi_callback_info info) {
  napi_value values[1];
  struct io *io = self(env, info, 1, values);
  double ms;
  if (!io) return NULL;
  if (napi_get_value_double(env, values[0], &ms) != napi_ok || !(ms >= 0 && ms <= INT32_MAX))
    return refuse(env, "alarm(ms)");
  int64_t nanos = ms * 1e6 + 1; /* 0 would be none. */
  struct itimerspec in = {.it_value = {.tv_sec = nanos / 1000000000, .tv_nsec = nanos % 1000000000}};
  timerfd_settime(io->alarm, 0, &in, NULL);
  return NULL;
}

/* close(): every socket, and no more calls of `ready`. */
static napi_value io_close(napi_env env, napi_callback_info info) {
  struct io *io = self(env, info, 0, NULL);
  if (io) close_io(io);
  return NULL;
}

/* parse(address, port, wide, into): writes a sockaddr; false for what is no IP address. */
static napi_value parse(napi_env env, napi_callback_info info) {
  napi_value values[4], result = NULL;
  size_t count = 4, length;
  char address[ADDRESS_TEXT];
  int32_t port;
  bool wide;
  uint8_t *into;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  if (!whole(env, values[1], 65535, &port) || napi_get_value_bool(env, values[2], &wide) != napi_ok ||
      !bytes_of(env, values[3], &into, &length) || length < sizeof(struct sockaddr_in6))
    return refuse(env, "parse(address, port, wide, into)");
  bool good = text(env, values[0], address) && parse_address(address, port, wide, (struct sockaddr_in6 *)into);
  napi_get_boolean(env, good, &result);
  return result;
}

/* print(from): the IP address of a sockaddr, '' for what is none. */
static napi_value print(napi_env env, napi_callback_info info) {
  napi_value values[1], result = NULL;
  size_t count = 1, length;
  uint8_t *from;
  char address[ADDRESS_TEXT] = "";
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  if (!bytes_of(env, values[0], &from, &length) || length < sizeof(struct sockaddr_in6))
    return refuse(env, "print(sockaddr)");
  print_address((const struct sockaddr_in6 *)from, address);
  napi_create_string_utf8(env, address, NAPI_AUTO_LENGTH, &result);
  return result;
}

/* sched_setattr(2), whose structure not every libc has. */
struct sched_attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

/* slice(ns): how long the calling thread wants to run at a time. False where the scheduler does not ask (Linux before 6.12). */
static napi_value slice(napi_env env, napi_callback_info info) {
  napi_value values[1], result = NULL;
  size_t count = 1;
  int32_t nanos;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok) return NULL;
  if (!whole(env, values[0], INT32_MAX, &nanos)) return refuse(env, "slice(ns)");
  struct sched_attributes now = {0};
  bool taken = syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0;
  now.size = sizeof now;
  now.runtime = nanos;
  taken = taken && syscall(SYS_sched_setattr, 0, &now, 0) == 0;
  taken = taken && syscall(SYS_sched_getattr, 0, &now, sizeof now, 0) == 0 && now.runtime == (uint64_t)nanos;
  napi_get_boolean(env, taken, &result);
  return result;
}

NAPI_MODULE_INIT() {
  const napi_property_descriptor methods[] = {
      {"bind", NULL, io_bind, NULL, NULL, NULL, napi_default_method, NULL},
      {"port", NULL, io_port, NULL, NULL, NULL, napi_default_method, NULL},
      {"release", NULL, io_release, NULL, NULL, NULL, napi_default_method, NULL},
      {"send", NULL, io_send, NULL, NULL, NULL, napi_default_method, NULL},
      {"alarm", NULL, io_alarm, NULL, NULL, NULL, napi_default_method, NULL},
      {"close", NULL, io_close, NULL, NULL, NULL, napi_default_method, NULL},
  };
  napi_value io;
  if (napi_define_class(env, "Io", NAPI_AUTO_LENGTH, io_new, NULL, sizeof methods / sizeof *methods, methods, &io) !=
      napi_ok)
    return NULL;
  const napi_property_descriptor names[] = {
      {"layout", NULL, NULL, NULL, NULL, number(env, LAYOUT), napi_enumerable, NULL},
      {"Io", NULL, NULL, NULL, NULL, io, napi_enumerable, NULL},
      {"parse", NULL, parse, NULL, NULL, NULL, napi_enumerable, NULL},
      {"print", NULL, print, NULL, NULL, NULL, napi_enumerable, NULL},
      {"slice", NULL, slice, NULL, NULL, NULL, napi_enumerable, NULL},
  };
  napi_define_properties(env, exports, sizeof names / sizeof *names, names);
  return exports;
}
