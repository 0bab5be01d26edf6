/* libsrtp2 over packets of 20 ms of G.711: CPU nanoseconds per packet, for each profile. cc -O2 srtp.c -lsrtp2 */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { packet_bytes = 172, batch = 1000, room = packet_bytes + SRTP_MAX_TRAILER_LEN + 4 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static srtp_t context(void (*set)(srtp_crypto_policy_t *), unsigned char *key, srtp_ssrc_type_t direction) {
  srtp_policy_t policy;
  srtp_t session;
  memset(&policy, 0, sizeof policy);
  set(&policy.rtp);
  set(&policy.rtcp);
  policy.ssrc.type = direction;
  policy.key = key;
  policy.window_size = 256;
  if (srtp_create(&session, &policy) != srtp_err_status_ok) exit(1);
  return session;
}

static void measure(const char *name, void (*set)(srtp_crypto_policy_t *), int batches) {
  static unsigned char packets[batch][room];
  static int lengths[batch];
  unsigned char key[64];
  double protect = 0, unprotect = 0;
  unsigned sequence = 0;
  memset(key, 7, sizeof key);
  srtp_t out = context(set, key, ssrc_any_outbound), in = context(set, key, ssrc_any_inbound);
  for (int round = 0; round < batches; round++) {
    for (int i = 0; i < batch; i++) {
      unsigned char *p = packets[i];
      memset(p, 0x55, packet_bytes);
      p[0] = 0x80, p[1] = 0, p[2] = sequence >> 8, p[3] = sequence;
      sequence++;
      lengths[i] = packet_bytes;
    }
    double start = now();
    for (int i = 0; i < batch; i++)
      if (srtp_protect(out, packets[i], &lengths[i]) != srtp_err_status_ok) exit(1);
    double middle = now();
    for (int i = 0; i < batch; i++)
      if (srtp_unprotect(in, packets[i], &lengths[i]) != srtp_err_status_ok) exit(1);
    double end = now();
    protect += middle - start;
    unprotect += end - middle;
  }
  printf("%s %.1f %.1f\n", name, protect / batches / batch, unprotect / batches / batch);
}

int main(int argc, char **argv) {
  int batches = argc > 1 ? atoi(argv[1]) : 100;
  if (srtp_init() != srtp_err_status_ok) return 1;
  measure("AES_CM_128_HMAC_SHA1_80", srtp_crypto_policy_set_rtp_default, batches);
  measure("AES_256_CM_HMAC_SHA1_80", srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, batches);
  measure("AEAD_AES_128_GCM", srtp_crypto_policy_set_aes_gcm_128_16_auth, batches);
  measure("AEAD_AES_256_GCM", srtp_crypto_policy_set_aes_gcm_256_16_auth, batches);
  return 0;
}
