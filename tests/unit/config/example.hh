// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A good file, and ways to spoil one line of it.

#include "control/config/load.hh"

#include <string>
#include <string_view>

namespace tandem::config {

/// The least that a file must say, and some more; its lines are numbered in the tests.
std::string good_text();

/// `good_text` with the first occurrence of `what` replaced; fails the test when there is none.
std::string with(std::string_view what, std::string_view by);

/// `good_text` with more behind it: its last section is the group "trunk".
std::string with_more(std::string_view more);
/// The line of the good text's end, counted from 1; what is added stands behind it.
std::size_t last_line();

/// The problems of a text that must have some.
Problems problems_of(std::string_view text);

/// Exactly one problem, at this line, whose sentence and hint contain these words.
void expect_one(std::string_view text, std::size_t line, std::string_view what, std::string_view hint);

/// A folder of its own that goes away with the object.
class Folder {
public:
    Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder();
    std::string path(std::string_view name) const { return path_ + "/" + std::string{name}; }
    std::string write(std::string_view name, std::string_view text, unsigned mode) const;

private:
    std::string path_;
};

} // namespace tandem::config
