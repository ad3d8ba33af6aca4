// TLS at both ends, with a certificate made for the test.
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <filesystem>

#include "net/http_client.h"
#include "net/test_peers.h"

namespace stoker::net {
namespace {

using testing::connect_to;
using testing::run;
using testing::Socket;

template <class T, void (*release)(T*)>
struct Release {
  void operator()(T* object) const { release(object); }
};
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Release<X509, X509_free>>;

void add_extension(X509* certificate, int id, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

Certificate self_signed(EVP_PKEY* key, const char* names) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("test"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  add_extension(certificate.get(), NID_subject_alt_name, names);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
  X509_sign(certificate.get(), key, EVP_sha256());
  return certificate;
}

// A folder with cert.pem and key.pem that lives as long as the object.
class CertificateFolder {
 public:
  explicit CertificateFolder(const char* names) {
    std::string pattern = (std::filesystem::temp_directory_path() / "net_test_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const Key key(EVP_EC_gen("P-256"));
    const Certificate certificate = self_signed(key.get(), names);
    FILE* out = std::fopen(certificate_path().c_str(), "w");
    PEM_write_X509(out, certificate.get());
    std::fclose(out);
    out = std::fopen(key_path().c_str(), "w");
    PEM_write_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(out);
  }
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;
  ~CertificateFolder() { std::filesystem::remove_all(folder_); }
  std::string certificate_path() const { return (folder_ / "cert.pem").string(); }
  std::string key_path() const { return (folder_ / "key.pem").string(); }

 private:
  std::filesystem::path folder_;
};

Task<void> mirror(Exchange& exchange) {
  EXPECT_TRUE(exchange.head().tls);
  const auto body = co_await exchange.read_body(64 * 1024 * 1024);
  if (!body) co_return;
  if (exchange.head().path != "/stream") {
    co_await exchange.respond({}, *body);
    co_return;
  }
  co_await exchange.start({});
  for (std::size_t at = 0; at < body->size(); at += 50'000) {
    if (!co_await exchange.write(std::string_view(*body).substr(at, 50'000))) co_return;
  }
  co_await exchange.finish();
}

class Tls : public ::testing::Test {
 protected:
  void listen(Handler handler, ServerLimits limits = {}) {
    listen(std::move(handler), files_, limits);
  }
  void listen(Handler handler, const CertificateFolder& files, ServerLimits limits = {}) {
    auto server = HttpServer::listen(network_,
                                     {.host = "127.0.0.1",
                                      .port = 0,
                                      .tls = TlsFiles{files.certificate_path(), files.key_path()},
                                      .limits = limits},
                                     std::move(handler));
    ASSERT_TRUE(server.has_value());
    server_ = std::move(*server);
  }

  static Task<Result<std::string>> fetch(HttpClient& client, ClientRequest request) {
    auto response = co_await client.send(std::move(request));
    if (!response) co_return fail(response.error());
    co_return co_await (*response)->read_all(64 * 1024 * 1024);
  }

  ClientRequest request(std::string host, std::string target, std::string body) {
    ClientRequest result{.method = "POST", .target = std::move(target), .body = std::move(body)};
    result.url = {.tls = true, .host = std::move(host), .port = server_->port(), .base_path = ""};
    return result;
  }

  Network network_;
  CertificateFolder files_{"IP:127.0.0.1,DNS:localhost"};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(Tls, CarriesRequestsBothWays) {
  listen(mirror);
  const auto client = HttpClient::create(network_, {.ca_file = files_.certificate_path()});
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto answer = run(network_, fetch(*client, request(host, "/", "hello")));
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_EQ(*answer, "hello");
  }
}

TEST_F(Tls, ReusesTheConnection) {
  listen(mirror);
  const auto client = HttpClient::create(network_, {.ca_file = files_.certificate_path()});
  for (int i = 0; i < 5; ++i) {
    const auto answer = run(network_, fetch(*client, request("127.0.0.1", "/", std::to_string(i))));
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_EQ(*answer, std::to_string(i));
    EXPECT_EQ(server_->connection_count(), 1u);
  }
}

TEST_F(Tls, CarriesLargeBodiesAndStreams) {
  listen(mirror);
  const auto client = HttpClient::create(network_, {.ca_file = files_.certificate_path()});
  std::string body;
  for (int i = 0; body.size() < 10 * 1024 * 1024; ++i) body += std::to_string(i);
  for (const char* target : {"/", "/stream"}) {
    const auto answer = run(network_, fetch(*client, request("127.0.0.1", target, body)));
    ASSERT_TRUE(answer.has_value()) << answer.error().detail;
    EXPECT_TRUE(*answer == body);
  }
}

TEST_F(Tls, DistrustsUnknownAuthoritiesAndWrongNames) {
  listen(mirror);
  const auto strict = HttpClient::create(network_);
  const auto untrusted = run(network_, fetch(*strict, request("127.0.0.1", "/", "secret")));
  ASSERT_FALSE(untrusted.has_value());
  EXPECT_EQ(untrusted.error().code, ErrorCode::backend_down);

  const CertificateFolder other("DNS:elsewhere.example");
  listen(mirror, other);
  const auto client = HttpClient::create(network_, {.ca_file = other.certificate_path()});
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const auto misnamed = run(network_, fetch(*client, request(host, "/", "secret")));
    ASSERT_FALSE(misnamed.has_value());
    EXPECT_EQ(misnamed.error().code, ErrorCode::backend_down);
  }
}

TEST_F(Tls, AMissingAuthorityFileFailsTheCall) {
  listen(mirror);
  const auto client = HttpClient::create(network_, {.ca_file = "/nonexistent.pem"});
  const auto answer = run(network_, fetch(*client, request("127.0.0.1", "/", "")));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::bad_request);
}

TEST_F(Tls, APlainPeerIsTurnedAway) {
  listen(mirror);
  Socket plain = connect_to(server_->port());
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(plain.ends());
}

TEST_F(Tls, AHandshakeThatNeverEndsIsCutOff) {
  listen(mirror, {.head_timeout = milliseconds(50)});
  Socket silent = connect_to(server_->port());
  EXPECT_TRUE(silent.ends());
}

TEST_F(Tls, APeerThatLeavesIsNoticed) {
  testing::Event waiting;
  testing::Event gone;
  listen([&](Exchange& e) -> Task<void> {
    co_await async_call<int>(network_, [&](Completion<int> done) {
      e.on_gone([done = std::move(done)]() mutable { done(1); });
      waiting.set();
    });
    gone.set();
  });
  const auto client = HttpClient::create(network_, {.ca_file = files_.certificate_path()});
  ClientRequest call = request("127.0.0.1", "/", "");
  call.deadlines.total = milliseconds(200);
  const auto answer = run(network_, fetch(*client, std::move(call)));
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, ErrorCode::run_timeout);
  EXPECT_TRUE(waiting.happens());
  EXPECT_TRUE(gone.happens());
}

Task<Result<std::string>> talk(HttpClient& client, std::uint16_t port) {
  auto socket = co_await client.open_websocket(
      {.tls = true, .host = "127.0.0.1", .port = port, .base_path = ""}, "/ws", {}, {});
  if (!socket) co_return fail(socket.error());
  const std::string question(100'000, 'q');
  if (auto sent = co_await (*socket)->write_text(question); !sent) co_return fail(sent.error());
  auto answer = co_await (*socket)->read();
  if (!answer) co_return fail(answer.error());
  co_await (*socket)->close(1000);
  co_return answer->bytes == question ? "same" : "different";
}

TEST_F(Tls, CarriesAWebSocket) {
  listen([](Exchange& e) -> Task<void> {
    auto socket = co_await e.accept_websocket();
    EXPECT_TRUE(socket.has_value());
    if (!socket) co_return;
    while (auto message = co_await (*socket)->read())
      co_await (*socket)->write_text(message->bytes);
  });
  const auto client = HttpClient::create(network_, {.ca_file = files_.certificate_path()});
  const auto said = run(network_, talk(*client, server_->port()));
  ASSERT_TRUE(said.has_value()) << said.error().detail;
  EXPECT_EQ(*said, "same");
}

}  // namespace
}  // namespace stoker::net
