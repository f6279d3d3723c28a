// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A program as an operator runs it, and a folder of its own for each test.

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace tandem::ctl::test {

struct Result {
    int exit{-1};
    std::string out;
    std::string err;
};

class Folder {
public:
    Folder() {
        std::string name = "/tmp/tandem-ctl-XXXXXX";
        BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

inline std::string content(const std::string& file) {
    std::ifstream stream{file, std::ios::binary};
    return {std::istreambuf_iterator<char>{stream}, {}};
}

/// Runs `program` with arguments as a shell takes them.
inline Result run_program(const std::string& program, const std::string& arguments) {
    const Folder folder;
    const std::string command =
        program + " " + arguments + " >" + folder.file("out") + " 2>" + folder.file("err");
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content(folder.file("out")),
            content(folder.file("err"))};
}

} // namespace tandem::ctl::test
