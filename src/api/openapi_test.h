// docs/reference/openapi.json as a judge of what the API says. For the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace stoker::api {

class OpenApi {
 public:
  static const OpenApi& get() {
    static const OpenApi kDocument;
    return kDocument;
  }

  const std::string& text() const { return text_; }
  const boost::json::object& root() const { return document_.as_object(); }
  const boost::json::object& paths() const { return root().at("paths").as_object(); }
  const boost::json::object& schemas() const {
    return root().at("components").as_object().at("schemas").as_object();
  }

  // Why the value does not have the shape; empty if it has.
  std::string faults(const boost::json::value& value, const boost::json::value& shape) const {
    const boost::json::value wrapped = {{"allOf", boost::json::array{shape}},
                                        {"components", root().at("components")}};
    valijson::Schema schema;
    valijson::SchemaParser().populateSchema(valijson::adapters::BoostJsonAdapter(wrapped), schema);
    valijson::ValidationResults results;
    valijson::adapters::BoostJsonAdapter target(value);
    if (valijson::Validator().validate(schema, target, &results)) return {};
    std::ostringstream out;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
      for (const std::string& part : error.context) out << part;
      out << ": " << error.description << "\n";
    }
    return out.str();
  }
  std::string faults_of(const boost::json::value& value, std::string_view schema) const {
    return faults(value, {{"$ref", "#/components/schemas/" + std::string(schema)}});
  }

  // The operation of a concrete path, for example "/jobs/j1/edit"; null if there is none.
  const boost::json::object* operation(std::string method, std::string_view path) const {
    for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    for (const auto& item : paths()) {
      if (!fits(item.key(), path)) continue;
      const boost::json::value* found = item.value().as_object().if_contains(method);
      return found == nullptr ? nullptr : &found->as_object();
    }
    return nullptr;
  }

  // Whether the answer is one that the document announces.
  void check_answer(const std::string& method, std::string_view path, int status,
                    std::string_view type, std::string_view body) const {
    const boost::json::object* found = operation(method, path);
    if (found == nullptr) return;
    const auto* response = found->at("responses").as_object().if_contains(std::to_string(status));
    ASSERT_NE(response, nullptr) << method << " " << path << " answers " << status << ": " << body;
    const auto* content = response->as_object().if_contains("content");
    if (content == nullptr || type != "application/json") return;
    const auto* media = content->as_object().if_contains("application/json");
    ASSERT_NE(media, nullptr) << method << " " << path << " " << status;
    const std::string wrong = faults(boost::json::parse(body), media->at("schema"));
    EXPECT_EQ(wrong, "") << method << " " << path << " " << status << ": " << body;
  }

 private:
  OpenApi() {
    std::ifstream file(STOKER_SOURCE_DIR "/docs/reference/openapi.json");
    std::ostringstream content;
    content << file.rdbuf();
    text_ = content.str();
    document_ = boost::json::parse(text_);
  }

  static std::vector<std::string> segments(std::string_view path) {
    std::vector<std::string> out;
    std::istringstream in{std::string(path)};
    for (std::string part; std::getline(in, part, '/');) out.push_back(part);
    return out;
  }
  static bool fits(std::string_view pattern, std::string_view path) {
    const auto expected = segments(pattern);
    const auto given = segments(path);
    if (expected.size() != given.size()) return false;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (expected[i] != given[i] && !expected[i].starts_with('{')) return false;
    }
    return true;
  }

  std::string text_;
  boost::json::value document_;
};

}  // namespace stoker::api
