// The static pages: from the embedded files to HTTP answers.
//
// Purpose: caching (ETag, immutable names), compression and the headers that keep foreign content out.
// Threading: constant; any thread.
// Paths: / and /join/CODE are the participants' page, /board /leader /admin theirs; everything else is a file's name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "assets/assets.h"
#include "net/http.h"

namespace stoker::server {

struct PageAnswer {
  net::ResponseHead head;
  std::string_view body;  // part of the program image; empty with 304 and 405
};

// Answers every path; those without a page get a small 404.
PageAnswer answer_page(const net::RequestHead& request);

// The file that stands behind a path; null: none.
const assets::Asset* page_at(std::string_view path);

// The headers of every answer that a browser may show.
void add_security_headers(net::Headers& headers);

}  // namespace stoker::server
