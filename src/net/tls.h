// TLS contexts: the server's certificate, the client's trust.
//
// Threading: created on any thread, used on the network thread.
// Errors: bad_request when a file is missing or does not fit.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "net/transport.h"

namespace stoker::net {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

// TLS 1.2 and newer. The paths are PEM files.
Result<SslContext> server_tls_context(const std::string& certificate_chain_pem,
                                      const std::string& private_key_pem);

// Trusts only `ca_file` if given, else the system's authorities.
Result<SslContext> client_tls_context(const std::optional<std::string>& ca_file);

// One connection's state. The client end checks that the certificate is for `host`.
SslHandle accepting_tls(SSL_CTX& context);
SslHandle connecting_tls(SSL_CTX& context, const std::string& host);

}  // namespace stoker::net
