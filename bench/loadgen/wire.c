#include "wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER_SIZE (256 * 1024)

static bool failed(struct connection *c, const char *what) {
  unsigned long code = ERR_get_error();
  if (code != 0) {
    char text[120];
    ERR_error_string_n(code, text, sizeof text);
    snprintf(c->error, sizeof c->error, "%s: %s", what, text);
  } else {
    snprintf(c->error, sizeof c->error, "%s: %s", what, errno ? strerror(errno) : "connection closed");
  }
  return false;
}

static void require(int ok, const char *what) {
  if (ok) return;
  fprintf(stderr, "loadgen: %s: ", what);
  ERR_print_errors_fp(stderr);
  exit(2);
}

SSL_CTX *tls_context(const struct tls_files *files, bool server) {
  SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
  require(ctx != NULL, "TLS");
  int version = files->version && strcmp(files->version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
  require(SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION), "TLS version");
  require(SSL_CTX_set_max_proto_version(ctx, version), "TLS version");
  if (files->ciphers) require(SSL_CTX_set_cipher_list(ctx, files->ciphers), files->ciphers);
  if (files->ciphersuites) require(SSL_CTX_set_ciphersuites(ctx, files->ciphersuites), files->ciphersuites);
  require(files->ca && SSL_CTX_load_verify_locations(ctx, files->ca, NULL), "--ca");
  require(files->cert && SSL_CTX_use_certificate_chain_file(ctx, files->cert), "--cert");
  require(files->key && SSL_CTX_use_PrivateKey_file(ctx, files->key, SSL_FILETYPE_PEM), "--key");
  SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | (server ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), NULL);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  return ctx;
}

static bool prepare(struct connection *c, int fd) {
  memset(c, 0, sizeof *c);
  c->fd = fd;
  c->buffer = malloc(BUFFER_SIZE);
  int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  errno = 0;
  return c->buffer != NULL;
}

bool wire_connect(struct connection *c, const char *host, int port, SSL_CTX *tls, int timeout_seconds) {
  if (!prepare(c, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0))) return failed(c, "socket");
  struct timeval timeout = {.tv_sec = timeout_seconds};
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) return failed(c, "address");
  if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0) return failed(c, "connect");
  if (tls == NULL) return true;
  c->ssl = SSL_new(tls);
  X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(c->ssl), host);
  SSL_set_fd(c->ssl, c->fd);
  return SSL_connect(c->ssl) == 1 ? true : failed(c, "TLS handshake");
}

bool wire_accepted(struct connection *c, int fd, SSL_CTX *tls) {
  if (!prepare(c, fd)) return failed(c, "memory");
  if (tls == NULL) return true;
  c->ssl = SSL_new(tls);
  SSL_set_fd(c->ssl, fd);
  return SSL_accept(c->ssl) == 1 ? true : failed(c, "TLS handshake");
}

static bool write_tls(struct connection *c, const uint8_t *data, size_t length) {
  size_t written;
  for (size_t done = 0; done < length; done += written) {
    if (SSL_write_ex(c->ssl, data + done, length - done, &written) != 1) return failed(c, "write");
  }
  return true;
}

bool wire_write(struct connection *c, const uint8_t *first, size_t first_length, const uint8_t *second, size_t second_length) {
  errno = 0;
  if (c->ssl) return write_tls(c, first, first_length) && write_tls(c, second, second_length);
  while (first_length + second_length > 0) {
    struct iovec parts[2] = {{(void *)first, first_length}, {(void *)second, second_length}};
    ssize_t n = writev(c->fd, parts, 2);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failed(c, "write");
    size_t from_first = (size_t)n < first_length ? (size_t)n : first_length;
    first += from_first, first_length -= from_first;
    second += (size_t)n - from_first, second_length -= (size_t)n - from_first;
  }
  return true;
}

static bool fill(struct connection *c) {
  errno = 0;
  ssize_t n;
  do n = c->ssl ? SSL_read(c->ssl, c->buffer, BUFFER_SIZE) : read(c->fd, c->buffer, BUFFER_SIZE);
  while (n < 0 && errno == EINTR);
  if (n <= 0) return failed(c, "read");
  c->begin = 0, c->end = (size_t)n;
  return true;
}

static bool take(struct connection *c, uint8_t *into, size_t length) {
  while (length > 0) {
    if (c->begin == c->end && !fill(c)) return false;
    size_t n = c->end - c->begin < length ? c->end - c->begin : length;
    if (into) memcpy(into, c->buffer + c->begin, n), into += n;
    c->begin += n, length -= n;
  }
  return true;
}

bool wire_read(struct connection *c, uint8_t *into, size_t length) { return take(c, into, length); }
bool wire_discard(struct connection *c, size_t length) { return take(c, NULL, length); }

void wire_close(struct connection *c) {
  if (c->ssl) SSL_shutdown(c->ssl), SSL_free(c->ssl);
  if (c->fd >= 0) close(c->fd);
  free(c->buffer);
  c->ssl = NULL, c->buffer = NULL, c->fd = -1;
}
