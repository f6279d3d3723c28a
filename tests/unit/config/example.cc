// SPDX-License-Identifier: GPL-3.0-or-later
#include "example.hh"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace tandem::config {

std::string good_text() {
    return R"([node]
id = 1
name = "sip-a"
[pair]
id = "office"
interval_ms = 5
multiplier = 3
[[path]]
name = "cable"
local = "10.1.0.1"
peer = "10.1.0.2"
[[path]]
name = "lan"
local = "2001:db8::1"
peer = "2001:db8::2"
[[group]]
name = "sip"
role = "primary"
interface = "eth0"
vips = ["10.0.0.10/24", "2001:db8::10"]
sip_ports = [5060]
[group.mirror]
enabled = true
request_pattern = "INVITE|BYE"
[[group]]
name = "trunk"
interface = "eth0"
vips = ["10.0.0.11"]
)";
}

std::string with(std::string_view what, std::string_view by) {
    std::string text = good_text();
    const auto position = text.find(what);
    BOOST_REQUIRE_MESSAGE(position != std::string::npos, "the good text has no " << what);
    return text.replace(position, what.size(), by);
}

Problems problems_of(std::string_view text) {
    const auto config = parse(text, "test.toml");
    BOOST_REQUIRE_MESSAGE(!config, "the text was accepted:\n" << text);
    return config.error();
}

std::string with_more(std::string_view more) {
    return good_text() + std::string{more};
}

std::size_t last_line() {
    const std::string text = good_text();
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

void expect_one(std::string_view text, std::size_t line, std::string_view what, std::string_view hint) {
    const auto problems = problems_of(text);
    BOOST_TEST(problems.size() == 1U);
    for (const auto& problem : problems)
        BOOST_TEST_INFO(problem.to_string());
    BOOST_TEST(problems[0].line == line);
    BOOST_TEST(problems[0].file == "test.toml");
    BOOST_TEST((line == 0 || problems[0].column > 0));
    BOOST_TEST_INFO(problems[0].to_string());
    BOOST_TEST(problems[0].what.find(what) != std::string::npos, problems[0].what << " lacks " << what);
    BOOST_TEST(problems[0].hint.find(hint) != std::string::npos, problems[0].hint << " lacks " << hint);
}

Folder::Folder() {
    std::string form = (std::filesystem::temp_directory_path() / "tandem-config-XXXXXX").string();
    BOOST_REQUIRE(mkdtemp(form.data()) != nullptr);
    path_ = form;
}

Folder::~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(std::string_view name, std::string_view text, unsigned mode) const {
    const std::string file = path(name);
    std::ofstream{file, std::ios::binary} << text;
    BOOST_REQUIRE(chmod(file.c_str(), mode) == 0);
    return file;
}

} // namespace tandem::config
