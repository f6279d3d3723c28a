// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A folder of its own that goes away with the object.

#include <cstdlib>
#include <filesystem>
#include <string>

namespace tandem::mail {

class Folder {
public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "tandem-mail-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    std::string path(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

} // namespace tandem::mail
