// Result files on their way to people, and the export.
#include <archive.h>
#include <archive_entry.h>

#include "api/api_fixture_test.h"

namespace stoker::api {
namespace {

class ResultsTest : public ApiTest {
 protected:
  static constexpr const char* kPath = "/jobs/j1/results/0";

  Said get(const Headers& extra = {}, const std::string& query = {}) {
    return ask("GET", kPath + query, participant, {}, extra);
  }
};

TEST_F(ResultsTest, SendsTheWholeFile) {
  const Said said = get();
  EXPECT_EQ(said.status, 200);
  EXPECT_EQ(said.header("content-type"), "image/png");
  EXPECT_EQ(said.header("content-length"), std::to_string(kPicture.size()));
  EXPECT_EQ(said.header("etag"), "\"j1-0-" + std::to_string(kPicture.size()) + "\"");
  EXPECT_EQ(said.header("content-disposition"), "inline; filename=\"stoker-j1-0.png\"");
  EXPECT_EQ(said.header("content-security-policy"), "default-src 'none'; sandbox");
  EXPECT_EQ(said.header("x-content-type-options"), "nosniff");
  EXPECT_TRUE(said.body == kPicture);
}

TEST_F(ResultsTest, OffersItAsADownload) {
  EXPECT_EQ(get({}, "?download=1").header("content-disposition"),
            "attachment; filename=\"stoker-j1-0.png\"");
}

struct RangeCase {
  const char* range;
  int status;
  std::size_t first;
  std::size_t length;
};

TEST_F(ResultsTest, SendsTheRangeThatWasAskedFor) {
  const std::size_t size = kPicture.size();
  const std::vector<RangeCase> cases = {
      {"bytes=0-9", 206, 0, 10},
      {"bytes=300000-699999", 206, 300'000, 400'000},
      {"bytes=10-", 206, 10, size - 10},
      {"bytes=-7", 206, size - 7, 7},
      {"bytes=5-99999999", 206, 5, size - 5},
      {"bytes=9-5", 200, 0, size},
      {"bytes=0-1,4-5", 200, 0, size},
      {"pages=1-2", 200, 0, size},
  };
  for (const RangeCase& expected : cases) {
    const Said said = get({{"Range", expected.range}});
    EXPECT_EQ(said.status, expected.status) << expected.range;
    EXPECT_TRUE(said.body == kPicture.substr(expected.first, expected.length)) << expected.range;
    if (expected.status != 206) continue;
    EXPECT_EQ(said.header("content-range"),
              "bytes " + std::to_string(expected.first) + "-" +
                  std::to_string(expected.first + expected.length - 1) + "/" +
                  std::to_string(size));
  }
}

TEST_F(ResultsTest, RefusesRangesBeyondTheEnd) {
  const Said said = get({{"Range", "bytes=99999999-"}});
  EXPECT_EQ(said.status, 416);
  EXPECT_EQ(said.header("content-range"), "bytes */" + std::to_string(kPicture.size()));
}

TEST_F(ResultsTest, IgnoresARangeOfAnotherFile) {
  EXPECT_EQ(get({{"Range", "bytes=0-9"}, {"If-Range", "\"other\""}}).status, 200);
  const std::string etag = get().header("etag");
  EXPECT_EQ(get({{"Range", "bytes=0-9"}, {"If-Range", etag}}).status, 206);
}

TEST_F(ResultsTest, SendsNothingTwice) {
  const std::string etag = get().header("etag");
  const Said known = get({{"If-None-Match", "\"x\", W/" + etag}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.body, "");
  EXPECT_EQ(known.header("etag"), etag);
  EXPECT_EQ(get({{"If-None-Match", "\"x\""}}).status, 200);
}

TEST_F(ResultsTest, TellsItsSizeToHead) {
  const Said said = ask("HEAD", kPath, participant);
  EXPECT_EQ(said.status, 200);
  EXPECT_EQ(said.header("content-length"), std::to_string(kPicture.size()));
  EXPECT_EQ(said.body, "");
}

TEST_F(ResultsTest, ShowsThemToOthersOnceReleased) {
  for (const std::string& token : {other, board}) EXPECT_EQ(ask("GET", kPath, token).status, 404);
  EXPECT_EQ(ask("GET", kPath, leader).status, 200);
  EXPECT_EQ(ask("GET", kPath, admin).status, 200);
  controller->change_job(JobId(1), [](controller::JobView& view) { view.released = true; });
  for (const std::string& token : {other, board}) EXPECT_EQ(ask("GET", kPath, token).status, 200);
  EXPECT_EQ(ask("GET", kPath, stranger).status, 404);
}

TEST_F(ResultsTest, KnowsNoOtherResults) {
  for (const char* path : {"/jobs/j1/results/1", "/jobs/j1/results/00x", "/jobs/j1/results/-1",
                           "/jobs/j2/results/0", "/jobs/j1/results/..%2f0", "/jobs/x/results/0"}) {
    EXPECT_EQ(ask("GET", path, participant).status, 404) << path;
  }
}

TEST_F(ResultsTest, SaysThatAFileIsGone) {
  ASSERT_TRUE(files->remove_job(WorkshopId(1), JobId(1)));
  EXPECT_EQ(get().status, 404);
}

// The files of a ZIP by name.
std::map<std::string, std::string> unzip(const std::string& bytes) {
  std::map<std::string, std::string> out;
  archive* reader = archive_read_new();
  archive_read_support_format_zip(reader);
  EXPECT_EQ(archive_read_open_memory(reader, bytes.data(), bytes.size()), ARCHIVE_OK);
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    std::string content;
    std::array<char, 65536> piece;
    for (la_ssize_t got = 1; got > 0;) {
      got = archive_read_data(reader, piece.data(), piece.size());
      EXPECT_GE(got, 0);
      if (got > 0) content.append(piece.data(), static_cast<std::size_t>(got));
    }
    out[archive_entry_pathname(entry)] = content;
  }
  archive_read_free(reader);
  return out;
}

TEST_F(ResultsTest, ExportsPicturesTableAndReport) {
  const Said said = ask("POST", "/workshops/w1/export", leader);
  ASSERT_EQ(said.status, 200);
  EXPECT_EQ(said.header("content-type"), "application/zip");
  EXPECT_EQ(said.header("content-disposition"), "attachment; filename=\"stoker-w1.zip\"");
  const auto found = unzip(said.body);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_TRUE(found.at("results/j1-0.png") == kPicture);
  EXPECT_NE(found.at("jobs.csv").find("j1,p1,,image,\"flux2\",done,,1,"), std::string::npos);
  EXPECT_EQ(found.at("jobs.csv").find("whale"), std::string::npos);
  EXPECT_EQ(found.at("jobs.csv").find("j3"), std::string::npos);
  const boost::json::value report = boost::json::parse(found.at("report.json"));
  EXPECT_EQ(report.at("waits").as_array().size(), 2U);
  EXPECT_EQ(report.at("waits").at(0).at("load_ms").as_int64(), 20'000);
  EXPECT_EQ(report.at("loads").as_array().size(), 3U);
  EXPECT_EQ(OpenApi::get().faults_of(report.at("diagnosis"), "Diagnosis"), "");
  EXPECT_EQ(found.at("report.json").find("whale"), std::string::npos);
  EXPECT_EQ(found.at("report.json").find("FLAMES"), std::string::npos);
}

TEST_F(ResultsTest, ExportsTextsForTheLeaderOnly) {
  controller->change_job(JobId(2), [](controller::JobView& view) {
    view.prompt = std::make_shared<const std::string>("=cmd|\"x\"");
  });
  const auto found = unzip(ask("POST", "/workshops/w1/export?texts=1", leader).body);
  EXPECT_NE(found.at("jobs.csv").find("\"a whale of job 1\""), std::string::npos);
  EXPECT_NE(found.at("jobs.csv").find(R"("'=cmd|""x""")"), std::string::npos);
  EXPECT_EQ(ask("POST", "/workshops/w1/export?texts=1", admin).status, 403);
  EXPECT_EQ(ask("POST", "/workshops/w1/export", admin).status, 200);
}

}  // namespace
}  // namespace stoker::api
