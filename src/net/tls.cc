#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/address.hpp>

namespace stoker::net {
namespace {

std::unexpected<Error> tls_failure(std::string what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(ErrorCode::bad_request, what + ": " + text.data());
}

bool is_address(const std::string& host) {
  boost::system::error_code error;
  boost::asio::ip::make_address(host, error);
  return !error;
}

}  // namespace

Result<SslContext> server_tls_context(const std::string& certificate_chain_pem,
                                      const std::string& private_key_pem) {
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return tls_failure("TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_chain_pem.c_str()) != 1) {
    return tls_failure("certificate file");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), private_key_pem.c_str(), SSL_FILETYPE_PEM) != 1) {
    return tls_failure("private key file");
  }
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return tls_failure("private key and certificate");
  return context;
}

Result<SslContext> client_tls_context(const std::optional<std::string>& ca_file) {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  if (!context) return tls_failure("TLS context");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  const int loaded = ca_file
                         ? SSL_CTX_load_verify_locations(context.get(), ca_file->c_str(), nullptr)
                         : SSL_CTX_set_default_verify_paths(context.get());
  if (loaded != 1) return tls_failure("authority file");
  return context;
}

SslHandle accepting_tls(SSL_CTX& context) {
  SslHandle ssl(SSL_new(&context));
  SSL_set_accept_state(ssl.get());
  return ssl;
}

SslHandle connecting_tls(SSL_CTX& context, const std::string& host) {
  SslHandle ssl(SSL_new(&context));
  SSL_set_connect_state(ssl.get());
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
    SSL_set1_host(ssl.get(), host.c_str());
  }
  return ssl;
}

}  // namespace stoker::net
