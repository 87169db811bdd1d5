/* A blocking connection, plain or TLS, with a small read buffer. */
#ifndef WIRE_H
#define WIRE_H
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls_files {
  bool enabled;
  const char *ca, *cert, *key, *version, *ciphers, *ciphersuites;
};

struct connection {
  int fd;
  SSL *ssl;
  uint8_t *buffer;
  size_t begin, end;
  /* Why the last call failed. */
  char error[160];
};

/* Exits with a message when the files cannot be used: nothing can be measured then. */
SSL_CTX *tls_context(const struct tls_files *files, bool server);

bool wire_connect(struct connection *c, const char *host, int port, SSL_CTX *tls, int timeout_seconds);
bool wire_accepted(struct connection *c, int fd, SSL_CTX *tls);
bool wire_write(struct connection *c, const uint8_t *first, size_t first_length, const uint8_t *second, size_t second_length);
bool wire_read(struct connection *c, uint8_t *into, size_t length);
/* Reads `length` bytes that nobody wants. */
bool wire_discard(struct connection *c, size_t length);
void wire_close(struct connection *c);
#endif
