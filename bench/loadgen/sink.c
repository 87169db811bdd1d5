#define _GNU_SOURCE
/*
 * The null sink: accepts every association and context, reads and throws away, answers Success (or what it is told) at once. Nothing that
 * stores can be faster, so what a sender reaches against it is what the sender and the socket can do.
 */
#include "dicom.h"
#include "load.h"
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static SSL_CTX *tls;
static unsigned answer_status;

static bool answer_association(struct connection *c, uint32_t length) {
  uint8_t *body = malloc(length);
  bool fine = length >= 68 && wire_read(c, body, length);
  if (fine) {
    struct bytes accept = associate_accept(body, length);
    fine = wire_write(c, accept.data, accept.length, NULL, 0);
    free(accept.data);
  }
  free(body);
  return fine;
}

static bool respond(struct connection *c, uint8_t context, struct command *command) {
  command->field |= 0x8000;
  command->has_data_set = false;
  command->status = answer_status;
  struct bytes response = command_pdu(context, command);
  bool fine = wire_write(c, response.data, response.length, NULL, 0);
  free(response.data);
  return fine;
}

/* The PDVs of one P-DATA-TF. A message ends with the last fragment of its data set, or of its command without one. */
static bool take_data(struct connection *c, uint32_t left, uint8_t *text, size_t *text_length, struct command *command) {
  while (left >= 6) {
    uint8_t pdv[6];
    if (!wire_read(c, pdv, 6)) return false;
    uint32_t size = be32(pdv) - 2;
    if (size > left - 6) return false;
    left -= 6 + size;
    bool is_command = pdv[5] & 1, is_last = pdv[5] & 2;
    if (is_command) {
      if (size > 4096 - *text_length || !wire_read(c, text + *text_length, size)) return false;
      *text_length += size;
      if (!is_last) continue;
      if (!parse_command(text, *text_length, command)) return false;
      *text_length = 0;
      if (!command->has_data_set && !respond(c, pdv[4], command)) return false;
    } else {
      if (!wire_discard(c, size)) return false;
      if (is_last && !respond(c, pdv[4], command)) return false;
    }
  }
  return left == 0;
}

static void *serve(void *argument) {
  struct connection c;
  uint8_t head[6], text[4096];
  size_t text_length = 0;
  struct command command = {0};
  bool going = wire_accepted(&c, (int)(intptr_t)argument, tls);
  while (going && wire_read(&c, head, 6)) {
    uint32_t length = be32(head + 2);
    static const uint8_t released[10] = {PDU_RELEASE_RP, 0, 0, 0, 0, 4};
    if (head[0] == PDU_ASSOCIATE_RQ && length < 1 << 20) going = answer_association(&c, length);
    else if (head[0] == PDU_DATA) going = take_data(&c, length, text, &text_length, &command);
    else if (head[0] == PDU_RELEASE_RQ) going = wire_discard(&c, length) && wire_write(&c, released, sizeof released, NULL, 0);
    else going = false;
  }
  wire_close(&c);
  return NULL;
}

int run_sink(const struct options *options) {
  tls = options->tls.enabled ? tls_context(&options->tls, true) : NULL;
  answer_status = options->status;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
  socklen_t length = sizeof address;
  if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1 || bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
      listen(listener, 128) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
    perror("loadgen: listen");
    return 2;
  }
  printf("{\"listening\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    pthread_t thread;
    if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
    else close(fd);
  }
}
