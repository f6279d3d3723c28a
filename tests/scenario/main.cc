// SPDX-License-Identifier: GPL-3.0-or-later
// scenario DIRECTORY             plays every *.txt and compares; exit status 1 if one differs
// scenario --rewrite DIRECTORY   writes the answers that the nodes give now; read the difference before you
// keep it
#include "tests/scenario/play.hh"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace {

std::string content(const std::filesystem::path& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

void show_difference(const std::string& expected, const std::string& played) {
    std::istringstream left{expected};
    std::istringstream right{played};
    std::string a;
    std::string b;
    for (unsigned number = 1;; ++number) {
        const bool more_a = static_cast<bool>(std::getline(left, a));
        const bool more_b = static_cast<bool>(std::getline(right, b));
        if (!more_a && !more_b)
            return;
        if (more_a == more_b && a == b)
            continue;
        std::printf("  line %u\n    written: %s\n    played:  %s\n", number, more_a ? a.c_str() : "(end)",
                    more_b ? b.c_str() : "(end)");
        return;
    }
}

} // namespace

int main(int argc, char** argv) {
    const bool rewrite = argc == 3 && std::string{argv[1]} == "--rewrite";
    if (argc != 2 && !rewrite) {
        std::fputs("usage: scenario [--rewrite] DIRECTORY\n", stderr);
        return 2;
    }
    std::vector<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::directory_iterator{argv[argc - 1]})
        if (entry.path().extension() == ".txt")
            paths.push_back(entry.path());
    std::sort(paths.begin(), paths.end());
    unsigned different = 0;
    for (const auto& path : paths) {
        const std::string expected = content(path);
        const std::string played = tandem::ha::play(expected);
        if (played == expected)
            continue;
        if (rewrite) {
            std::ofstream{path} << played;
            std::printf("rewritten: %s\n", path.filename().c_str());
            continue;
        }
        std::printf("different: %s\n", path.filename().c_str());
        show_difference(expected, played);
        ++different;
    }
    std::printf("%zu transcripts, %u different\n", paths.size(), different);
    return different == 0 && !paths.empty() ? 0 : 1;
}
