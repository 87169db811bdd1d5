/*
 * Sends `count` instances over `associations` parallel associations, one thread each, on each one C-STORE outstanding, or as
 * many as --window asks for and the peer grants.
 * The instances are shared out as the associations get to them. Time runs from before the first connection is opened
 * to the last response, so an association's set-up counts and its release does not.
 */
#include "dicom.h"
#include "image.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static struct {
  const struct options *options;
  SSL_CTX *tls;
  struct template_file file;
  atomic_long next;
  pthread_mutex_t lock;
  /* Under the lock: */
  struct image image;
  unsigned window;
  uint32_t image_max_pdu;
  bool image_used;
  long ok, failed, measured;
  unsigned statuses[65536];
  double *latencies, last_response;
  char error[160], tls_used[80];
} run = {.lock = PTHREAD_MUTEX_INITIALIZER};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void note_error(const char *text) {
  pthread_mutex_lock(&run.lock);
  if (!run.error[0]) snprintf(run.error, sizeof run.error, "%s", text);
  pthread_mutex_unlock(&run.lock);
}

static bool associate(struct connection *c, struct accepted *accepted) {
  const struct options *o = run.options;
  struct bytes request = associate_request(o->called, o->calling, o->sop_class, o->transfer_syntax, o->window);
  bool sent = wire_write(c, request.data, request.length, NULL, 0);
  free(request.data);
  uint8_t head[6], body[65536];
  if (!sent || !wire_read(c, head, 6)) return false;
  uint32_t length = be32(head + 2);
  if (length > sizeof body || !wire_read(c, body, length)) return false;
  if (head[0] == PDU_ASSOCIATE_AC && parse_accept(body, length, accepted)) return true;
  if (head[0] == PDU_ASSOCIATE_RJ) {
    snprintf(c->error, sizeof c->error, "rejected: result %d, source %d, reason %d", body[1], body[2], body[3]);
  } else {
    snprintf(c->error, sizeof c->error, head[0] == PDU_ASSOCIATE_AC ? "context not accepted" : "PDU type %d", head[0]);
  }
  return false;
}

/* The image for this maximum PDU length. All associations of a run have one peer, and so the same. */
static const struct image *image_for(uint32_t peer_max_pdu) {
  uint32_t most = run.options->max_pdu;
  if (peer_max_pdu != 0 && peer_max_pdu < most) most = peer_max_pdu;
  pthread_mutex_lock(&run.lock);
  if (run.image_max_pdu != most && !run.image_used) {
    free(run.image.wire.data);
    run.image = build_image(run.options, &run.file, most);
    run.image_max_pdu = most;
  }
  bool same = run.image_max_pdu == most;
  run.image_used = true;
  pthread_mutex_unlock(&run.lock);
  return same ? &run.image : NULL;
}

/* Reads one C-STORE-RSP, in however many fragments. */
static bool read_response(struct connection *c, struct command *response) {
  uint8_t text[4096], head[6];
  size_t length = 0;
  for (;;) {
    if (!wire_read(c, head, 6)) return false;
    uint32_t left = be32(head + 2);
    if (head[0] != PDU_DATA) {
      snprintf(c->error, sizeof c->error, head[0] == PDU_ABORT ? "aborted by the peer" : "PDU type %d", head[0]);
      return false;
    }
    while (left >= 6) {
      uint8_t pdv[6];
      if (!wire_read(c, pdv, 6)) return false;
      uint32_t size = be32(pdv) - 2;
      if (size > left - 6 || size > sizeof text - length || !wire_read(c, text + length, size)) return false;
      length += size, left -= 6 + size;
      if (pdv[5] != 0x03) continue;
      return parse_command(text, length, response) && response->field == C_STORE_RSP;
    }
  }
}

static void record(unsigned status, double latency, double at) {
  pthread_mutex_lock(&run.lock);
  /* Warnings (PS3.7 C.2) mean stored as well. */
  if (status == 0 || status >> 12 == 0xb) run.ok++;
  else run.failed++;
  run.statuses[status]++;
  run.latencies[run.measured++] = latency;
  if (at > run.last_response) run.last_response = at;
  pthread_mutex_unlock(&run.lock);
}

/* When each instance that is not answered was written, by message ID; -1: none. */
struct outstanding {
  unsigned count;
  double written[MAX_MESSAGE_ID + 1];
};

static bool send_instance(struct connection *c, const struct image *image, uint8_t *head, long index, uint16_t message_id) {
  char digits[COUNTER_DIGITS + 9];
  unsigned long long number = (run.options->uid_start + (unsigned long long)index) % 1000000000000ULL;
  snprintf(digits, sizeof digits, "%0*llu", COUNTER_DIGITS, number);
  for (int i = 0; i < 2; i++) memcpy(head + image->counter_at[i], digits, COUNTER_DIGITS);
  put_le16(head + image->message_id_at, message_id);
  return wire_write(c, head, image->head_length, image->wire.data + image->head_length, image->wire.length - image->head_length);
}

/* Takes one answer, to whichever instance. */
static bool take_response(struct connection *c, struct outstanding *unanswered) {
  struct command response;
  if (!read_response(c, &response) || response.message_id > MAX_MESSAGE_ID || unanswered->written[response.message_id] < 0) return false;
  double read_at = now();
  record(response.status, read_at - unanswered->written[response.message_id], read_at);
  unanswered->written[response.message_id] = -1;
  unanswered->count--;
  return true;
}

static bool send_instances(struct connection *c, const struct image *image, unsigned window) {
  uint8_t *head = malloc(image->head_length);
  memcpy(head, image->wire.data, image->head_length);
  struct outstanding *unanswered = calloc(1, sizeof *unanswered);
  for (int i = 0; i <= MAX_MESSAGE_ID; i++) unanswered->written[i] = -1;
  bool going = true;
  for (uint16_t message_id = 0; going;) {
    long index = atomic_fetch_add(&run.next, 1);
    if (index >= run.options->count) break;
    /* Some answers come late: their IDs are not free yet. */
    do message_id = message_id % MAX_MESSAGE_ID + 1;
    while (unanswered->written[message_id] >= 0);
    unanswered->count++;
    going = send_instance(c, image, head, index, message_id);
    unanswered->written[message_id] = now();
    while (going && unanswered->count >= window) going = take_response(c, unanswered);
  }
  while (going && unanswered->count > 0) going = take_response(c, unanswered);
  pthread_mutex_lock(&run.lock);
  run.failed += unanswered->count;
  pthread_mutex_unlock(&run.lock);
  free(unanswered);
  free(head);
  return going;
}

/* As many as were proposed, or fewer; 0 from the peer is no limit. */
static unsigned granted_window(unsigned granted) {
  unsigned proposed = run.options->window;
  return granted == 0 || granted > proposed ? proposed : granted;
}

static void *association(void *unused) {
  (void)unused;
  struct connection c;
  struct accepted accepted = {0};
  bool fine = wire_connect(&c, run.options->host, run.options->port, run.tls, run.options->timeout_seconds) && associate(&c, &accepted);
  if (fine && c.ssl) {
    pthread_mutex_lock(&run.lock);
    snprintf(run.tls_used, sizeof run.tls_used, "%s %s", SSL_get_version(c.ssl), SSL_get_cipher(c.ssl));
    pthread_mutex_unlock(&run.lock);
  }
  const struct image *image = fine ? image_for(accepted.max_pdu) : NULL;
  if (fine && image == NULL) snprintf(c.error, sizeof c.error, "the peer's maximum PDU length changed"), fine = false;
  unsigned window = granted_window(accepted.window);
  if (fine) {
    pthread_mutex_lock(&run.lock);
    run.window = window;
    pthread_mutex_unlock(&run.lock);
  }
  fine = fine && send_instances(&c, image, window);
  static const uint8_t release[10] = {PDU_RELEASE_RQ, 0, 0, 0, 0, 4};
  uint8_t answer[10];
  if (fine && wire_write(&c, release, sizeof release, NULL, 0)) wire_read(&c, answer, sizeof answer);
  if (!fine) note_error(c.error[0] ? c.error : "unexpected answer");
  wire_close(&c);
  return NULL;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile_ms(double p) {
  if (run.measured == 0) return 0;
  long rank = (long)(p * (double)run.measured + 0.999999) - 1;
  return run.latencies[rank < 0 ? 0 : rank] * 1000;
}

static void print_result(double seconds, double cpu) {
  qsort(run.latencies, (size_t)run.measured, sizeof(double), ascending);
  double bytes = (double)run.file.length * (double)run.ok;
  printf("{\"instances\":%ld,\"ok\":%ld,\"failed\":%ld,\"unsent\":%ld,\"statuses\":{", run.options->count, run.ok, run.failed,
         run.options->count - run.ok - run.failed);
  for (unsigned status = 0, any = 0; status < 65536; status++) {
    if (run.statuses[status]) printf("%s\"%04X\":%u", any++ ? "," : "", status, run.statuses[status]);
  }
  printf("},\"bytes\":%.0f,\"seconds\":%.6f,\"instancesPerSecond\":%.2f,\"megabytesPerSecond\":%.2f", bytes, seconds,
         seconds > 0 ? (double)run.ok / seconds : 0, seconds > 0 ? bytes / seconds / 1e6 : 0);
  printf(",\"ackP50Ms\":%.3f,\"ackP99Ms\":%.3f,\"ackMaxMs\":%.3f,\"cpuSeconds\":%.3f,\"maxPdu\":%u,\"window\":%u,\"tls\":\"%s\"", percentile_ms(0.5),
         percentile_ms(0.99), percentile_ms(1), cpu, run.image_max_pdu, run.window, run.tls_used);
  for (char *p = run.error; *p; p++) if (*p == '"' || *p == '\\' || *p < ' ') *p = '\'';
  printf(",\"error\":\"%s\"}\n", run.error);
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double micros = (double)usage.ru_utime.tv_usec + (double)usage.ru_stime.tv_usec;
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + micros / 1e6;
}

int run_sender(const struct options *options) {
  run.options = options;
  run.tls = options->tls.enabled ? tls_context(&options->tls, false) : NULL;
  run.file = open_template(options);
  run.latencies = calloc((size_t)options->count, sizeof(double));
  pthread_t *threads = calloc((size_t)options->associations, sizeof *threads);
  /* Building the image is no part of the measurement when the peer takes what we would send it. */
  run.image = build_image(options, &run.file, options->max_pdu), run.image_max_pdu = options->max_pdu;
  double cpu_before = cpu_seconds(), start = now();
  for (int i = 0; i < options->associations; i++) pthread_create(&threads[i], NULL, association, NULL);
  for (int i = 0; i < options->associations; i++) pthread_join(threads[i], NULL);
  print_result(run.last_response > start ? run.last_response - start : 0, cpu_seconds() - cpu_before);
  return run.ok == options->count ? 0 : 1;
}
