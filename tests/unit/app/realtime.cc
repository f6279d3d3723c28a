// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/app/realtime.hh"

#include <boost/test/unit_test.hpp>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

using namespace tandem;

namespace {

long faults_of_this_thread() {
    rusage usage{};
    ::getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

/// Uses as much of the stack as the pulse ever does, and more.
[[gnu::noinline]] int use_stack() {
    volatile char room[64 * 1024];
    for (std::size_t i = 0; i < sizeof room; i += 512)
        room[i] = 1;
    return room[1024];
}

/// The address sanitizer's runtime takes the place of mlockall() and does nothing: with it there is nothing
/// to see.
#ifdef __SANITIZE_ADDRESS__
constexpr bool locks = false;
#else
constexpr bool locks = true;
#endif

/// In a process of its own: locking cannot be undone for the others. 0 is well, 77: not permitted here.
int child() {
    if (app::lock_memory())
        return 77;
    long faults = -1;
    std::thread worker{[&] {
        const long before = faults_of_this_thread();
        if (use_stack() != 1)
            return;
        faults = faults_of_this_thread() - before;
    }};
    worker.join();
    return faults == 0 ? 0 : 1;
}

} // namespace

BOOST_AUTO_TEST_SUITE(realtime)

BOOST_AUTO_TEST_CASE(a_thread_never_waits_for_a_page_once_memory_is_locked,
                     *boost::unit_test::enable_if<locks>()) {
    const pid_t pid = ::fork();
    if (pid == 0)
        ::_exit(child());
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    BOOST_REQUIRE(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        BOOST_TEST_MESSAGE("not run: locking memory is not permitted here");
    else
        BOOST_TEST(WEXITSTATUS(status) == 0);
}

BOOST_AUTO_TEST_CASE(a_file_in_memory_waits_for_no_disk) {
    BOOST_TEST(!app::disk_beneath("/dev/shm").has_value());
    BOOST_TEST(!app::disk_beneath("/does/not/exist").has_value());
    const auto sentence = app::disk_beneath("/proc/self"); // anything but a tmpfs
    BOOST_REQUIRE(sentence.has_value());
    BOOST_TEST(sentence->starts_with("/proc/self lies on a disk"));
}

BOOST_AUTO_TEST_SUITE_END()
