/* What both addons have in common: the little of libuv that they need, and how they answer JavaScript. */
#pragma once
#include <node_api.h>

/* Node.js exports libuv; these names and numbers stay for all of libuv 1.x. */
typedef struct uv_poll_s uv_poll_t;
enum { UV_POLL = 8, UV_READABLE = 1 };
size_t uv_handle_size(int type);
void *uv_handle_get_data(const uv_poll_t *handle);
void uv_handle_set_data(uv_poll_t *handle, void *data);
int uv_poll_init(struct uv_loop_s *loop, uv_poll_t *handle, int fd);
int uv_poll_start(uv_poll_t *handle, int events, void (*on_event)(uv_poll_t *, int status, int events));
void uv_ref(uv_poll_t *handle);
void uv_unref(uv_poll_t *handle);
void uv_close(uv_poll_t *handle, void (*on_closed)(uv_poll_t *));

static inline napi_value refuse(napi_env env, const char *what) {
  napi_throw_type_error(env, "ERR_INVALID_ARG", what);
  return NULL;
}

static inline napi_value number(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}
