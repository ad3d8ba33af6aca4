#include "server/pages.h"

#include <gtest/gtest.h>

namespace stoker::server {
namespace {

net::RequestHead request_for(std::string path) {
  net::RequestHead request;
  request.method = "GET";
  request.path = std::move(path);
  return request;
}

std::string header(const PageAnswer& answer, std::string_view name) {
  return std::string(answer.head.headers.find(name).value_or("(none)"));
}

TEST(Pages, GivesEachRoleItsPage) {
  for (const char* path : {"/", "/join/K7M4PQ", "/board", "/leader", "/admin"}) {
    const PageAnswer answer = answer_page(request_for(path));
    EXPECT_EQ(answer.head.status, 200) << path;
    EXPECT_EQ(header(answer, "Content-Type"), "text/html; charset=utf-8") << path;
    EXPECT_EQ(header(answer, "Cache-Control"), "no-cache") << path;
    EXPECT_FALSE(answer.body.empty()) << path;
  }
}

TEST(Pages, HaveOneAddressEach) {
  for (const char* path :
       {"/index.html", "/leader/", "/join/", "/join/A/B", "/nothing", "//", "/../web/index.html"})
    EXPECT_EQ(answer_page(request_for(path)).head.status,
              path == std::string_view("/join/") ? 200 : 404)
        << path;
}

TEST(Pages, CarryTheContentPolicy) {
  const PageAnswer answer = answer_page(request_for("/"));
  EXPECT_EQ(header(answer, "Content-Security-Policy"),
            "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
            "frame-ancestors 'none'; "
            "base-uri 'none'; form-action 'self'");
  EXPECT_EQ(header(answer, "X-Content-Type-Options"), "nosniff");
}

TEST(Pages, AreNotSentAgainWhileTheyAreTheSame) {
  net::RequestHead request = request_for("/");
  const std::string tag = header(answer_page(request), "ETag");
  request.headers.set("If-None-Match", "\"other\", W/" + tag);
  EXPECT_EQ(answer_page(request).head.status, 304);
  EXPECT_TRUE(answer_page(request).body.empty());
  request.headers.set("If-None-Match", "\"other\"");
  EXPECT_EQ(answer_page(request).head.status, 200);
}

TEST(Pages, ArePackedForThoseWhoAcceptIt) {
  net::RequestHead request = request_for("/");
  const PageAnswer plain = answer_page(request);
  request.headers.set("Accept-Encoding", "br, gzip;q=0.8");
  const PageAnswer packed = answer_page(request);
  EXPECT_EQ(header(packed, "Content-Encoding"), "gzip");
  EXPECT_LT(packed.body.size(), plain.body.size());
  EXPECT_NE(header(packed, "ETag"), header(plain, "ETag"));
  EXPECT_EQ(header(plain, "Vary"), "Accept-Encoding");
  request.headers.set("Accept-Encoding", "gzip;q=0");
  EXPECT_EQ(header(answer_page(request), "Content-Encoding"), "(none)");
}

TEST(Pages, TakeNothing) {
  net::RequestHead request = request_for("/");
  request.method = "POST";
  EXPECT_EQ(answer_page(request).head.status, 405);
  EXPECT_EQ(header(answer_page(request), "Allow"), "GET, HEAD");
}

}  // namespace
}  // namespace stoker::server
