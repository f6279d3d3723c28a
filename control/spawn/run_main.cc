// SPDX-License-Identifier: GPL-3.0-or-later

// tandem-run: stands between the brain and one foreign program.
//
// Problem: the brain is privileged, punctual and locked in memory; a program that an operator configured must
// inherit nothing of that, and nothing of it may be left when its time is over or the brain has died. Idea: a
// launcher of its own, small enough to be read at once. It forks the program, which gives up every privilege
// before it begins, and stays above it as the one to whom the kernel gives all its orphans. SIGTERM (from the
// brain, or from the kernel when the brain dies) has it end them all. Deliberately absent: a shell, and any
// opinion about the program.
//
// tandem-run BRAIN GRACE_MS USER PROGRAM [ARGUMENT...]
// 0, 1, 2: the program's; 3: a script's text, where PROGRAM is "script"; 4: how it ended, as one line.
// Variables of the environment are the program's if they begin with "E:".

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <pwd.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {
using Clock = std::chrono::steady_clock;

constexpr int script_fd = 3;
constexpr int report_fd = 4;
constexpr const char* script_path = "/proc/self/fd/3";

void report(const std::string& line) {
    [[maybe_unused]] const auto written = ::write(report_fd, line.data(), line.size());
}

struct Account {
    std::string name;
    std::string home;
    uid_t uid{0};
    gid_t gid{0};
};

std::optional<Account> find_account(const char* name) {
    const passwd* entry = ::getpwnam(name);
    if (entry == nullptr)
        return std::nullopt;
    return Account{entry->pw_name, entry->pw_dir, entry->pw_uid, entry->pw_gid};
}

bool set_limit(__rlimit_resource which, rlim_t most) {
    rlimit limit{};
    if (::getrlimit(which, &limit) != 0)
        return false;
    limit.rlim_max = std::min(limit.rlim_max, most);
    limit.rlim_cur = limit.rlim_max;
    return ::setrlimit(which, &limit) == 0;
}

/// What it may take of the machine, besides time.
bool set_limits() {
    return set_limit(RLIMIT_CORE, 0) && set_limit(RLIMIT_NOFILE, 1024) && set_limit(RLIMIT_NPROC, 512) &&
           set_limit(RLIMIT_FSIZE, rlim_t{256} << 20U) && set_limit(RLIMIT_DATA, rlim_t{1} << 30U) &&
           set_limit(RLIMIT_MEMLOCK, 64U << 10U) && set_limit(RLIMIT_RTPRIO, 0) &&
           set_limit(RLIMIT_MSGQUEUE, 0);
}

/// An ordinary process again, whatever the brain is.
bool be_ordinary() {
    const sched_param none{};
    if (::sched_setscheduler(0, SCHED_OTHER, &none) != 0 || ::setpriority(PRIO_PROCESS, 0, 0) != 0)
        return false;
    ::prctl(PR_SET_TIMERSLACK, 0UL);
    if (const int fd = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC); fd >= 0) {
        // Before the brain, when memory is short.
        [[maybe_unused]] const auto written = ::write(fd, "500", 3);
        ::close(fd);
    }
    // The kernel's own call: the C library refuses two numbers that it uses itself. All zero is the default;
    // SIGKILL and SIGSTOP are refused.
    const std::array<unsigned long, 8> usual{};
    for (int number = 1; number < NSIG; ++number)
        ::syscall(SYS_rt_sigaction, number, usual.data(), nullptr, sizeof(std::uint64_t));
    sigset_t mask;
    ::sigemptyset(&mask);
    return ::sigprocmask(SIG_SETMASK, &mask, nullptr) == 0;
}

bool drop_capabilities() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return false;
    return ::syscall(SYS_capset, &header, none) == 0;
}

/// For good: a program that has the set-user-ID bit gives nothing back. With no_new_privs set and nothing
/// permitted, executing a program as root does not either.
bool become(const Account& account) {
    if (::geteuid() != account.uid || ::geteuid() == 0) {
        if (::initgroups(account.name.c_str(), account.gid) != 0 ||
            ::setresgid(account.gid, account.gid, account.gid) != 0 ||
            ::setresuid(account.uid, account.uid, account.uid) != 0)
            return false;
    }
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && drop_capabilities();
}

std::vector<std::string> environment_of(const Account& account) {
    std::vector<std::string> out;
    for (char** variable = environ; *variable != nullptr; ++variable)
        if (std::string_view{*variable}.starts_with("E:"))
            out.emplace_back(*variable + 2);
    const auto add = [&](const std::string& name, const std::string& value) {
        if (std::none_of(out.begin(), out.end(),
                         [&](const std::string& given) { return given.starts_with(name + "="); }))
            out.push_back(name + "=" + value);
    };
    add("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    add("LANG", "C.UTF-8");
    add("HOME", account.home);
    add("USER", account.name);
    add("LOGNAME", account.name);
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& text : strings)
        out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

enum class Kind : bool { program, script };

/// A script without a first line of its own is the shell's.
bool names_interpreter() {
    std::array<char, 2> head{};
    return ::pread(script_fd, head.data(), head.size(), 0) == 2 && head[0] == '#' && head[1] == '!';
}

/// The program's side after the fork: comes back only when something was refused; the step that it was.
const char* begin(pid_t launcher, const Account& account, Kind kind, std::vector<std::string> words) {
    if (::setsid() < 0)
        return "a session of its own";
    if (!be_ordinary())
        return "ordinary scheduling";
    ::umask(077);
    if (::chdir("/") != 0)
        return "the root folder";
    auto environment = environment_of(account);
    if (!set_limits())
        return "its limits";
    if (!become(account))
        return "the change to its user";
    // After the change of user, which undoes it.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != launcher)
        return "the launcher's presence";
    if (kind == Kind::script) {
        words.front() = script_path;
        if (!names_interpreter())
            words.insert(words.begin(), "/bin/sh");
    } else {
        ::close(script_fd);
    }
    auto arguments = pointers(words);
    auto variables = pointers(environment);
    ::execve(arguments.front(), arguments.data(), variables.data());
    return "its execution";
}

/// Everything below the launcher, as the kernel lists it.
void add_descendants(pid_t of, std::vector<pid_t>& out) {
    constexpr std::size_t most = 100'000;
    const std::string tasks = "/proc/" + std::to_string(of) + "/task";
    DIR* folder = ::opendir(tasks.c_str());
    if (folder == nullptr)
        return;
    std::vector<pid_t> here;
    while (const dirent* task = ::readdir(folder)) {
        if (task->d_name[0] == '.')
            continue;
        std::FILE* list = std::fopen((tasks + "/" + task->d_name + "/children").c_str(), "re");
        if (list == nullptr)
            continue;
        for (int pid = 0; std::fscanf(list, "%d", &pid) == 1 && here.size() < most;)
            here.push_back(pid);
        std::fclose(list);
    }
    ::closedir(folder);
    for (const pid_t pid : here) {
        out.push_back(pid);
        if (out.size() < most)
            add_descendants(pid, out);
    }
}

void signal_all(int number) {
    std::vector<pid_t> all;
    add_descendants(::getpid(), all);
    for (const pid_t pid : all)
        ::kill(pid, number);
}

/// The launcher's side: the program, and whatever it left behind.
class Watch {
public:
    Watch(pid_t program, std::chrono::milliseconds grace)
        : program_{program}
        , grace_{grace} {}

    /// Until nothing of it is left; then how the program ended, as waitpid() says it.
    int run() {
        for (;;) {
            if (!reap())
                return status_;
            if (killing_) {
                signal_all(SIGKILL);
                wait(std::chrono::milliseconds{5});
            } else if (wait(told_ ? until_ - Clock::now() : std::chrono::hours{1}) == SIGTERM && !told_) {
                told_ = true;
                until_ = Clock::now() + grace_;
                ::kill(-program_, SIGTERM);
                signal_all(SIGTERM);
            } else if (told_ && Clock::now() >= until_) {
                killing_ = true;
            }
        }
    }

private:
    /// The next of the signals that we wait for; 0 after `patience`.
    static int wait(Clock::duration patience) {
        const auto left = std::max(patience, Clock::duration::zero());
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
        const timespec limit{seconds.count(), (left - seconds).count()};
        sigset_t both;
        ::sigemptyset(&both);
        ::sigaddset(&both, SIGTERM);
        ::sigaddset(&both, SIGCHLD);
        return ::sigtimedwait(&both, nullptr, &limit);
    }
    /// False: there is no child left.
    bool reap() {
        for (;;) {
            int status = 0;
            const pid_t pid = ::waitpid(-1, &status, WNOHANG);
            if (pid < 0)
                return errno != ECHILD;
            if (pid == 0)
                return true;
            if (pid == program_) {
                status_ = status;
                killing_ = true; // what it left behind goes with it
            }
        }
    }

    pid_t program_;
    std::chrono::milliseconds grace_;
    Clock::time_point until_{};
    bool told_{false};
    bool killing_{false};
    int status_{0};
};

int run(char** arguments, int count) {
    pid_t brain = 0;
    long grace_ms = 0;
    const auto number = [](const char* text, auto& out) {
        const std::string_view view{text};
        return std::from_chars(view.data(), view.data() + view.size(), out).ec == std::errc{};
    };
    if (count < 5 || !number(arguments[1], brain) || !number(arguments[2], grace_ms)) {
        std::fputs("tandem-run is started by tandemd only\n", stderr);
        return 2;
    }
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    ::signal(SIGCHLD, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != brain)
        return 1;
    const pid_t self = ::getpid();
    ::setpgid(0, 0);
    ::close_range(report_fd + 1, ~0U, 0);
    ::fcntl(report_fd, F_SETFD, FD_CLOEXEC);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    const auto account = find_account(arguments[3]);
    if (!account) {
        report(std::string{"refused there is no user "} + arguments[3] + "\n");
        return 0;
    }
    std::vector<std::string> words{arguments + 4, arguments + count};
    const Kind kind = words.front() == "script" ? Kind::script : Kind::program;
    std::array<int, 2> started{};
    if (::pipe2(started.data(), O_CLOEXEC) != 0)
        return 1;
    const pid_t program = ::fork();
    if (program == 0) {
        const char* step = begin(self, *account, kind, std::move(words));
        const std::string why = std::string{step} + " failed: " + std::strerror(errno);
        [[maybe_unused]] const auto written = ::write(started[1], why.data(), why.size());
        ::_exit(127);
    }
    // The pipe's end comes when everybody has closed it.
    ::close_range(0, static_cast<unsigned>(script_fd), 0);
    ::close(started[1]);
    if (program < 0) {
        report("refused a new process failed\n");
        return 0;
    }
    const int status = Watch{program, std::chrono::milliseconds{grace_ms}}.run();
    std::array<char, 200> why{};
    const auto length = ::read(started[0], why.data(), why.size());
    if (length > 0)
        report("refused " + std::string{why.data(), static_cast<std::size_t>(length)} + "\n");
    else if (WIFSIGNALED(status))
        report("signalled " + std::to_string(WTERMSIG(status)) + "\n");
    else
        report("exited " + std::to_string(WEXITSTATUS(status)) + "\n");
    return 0;
}

} // namespace

int main(int count, char** arguments) {
    return run(arguments, count);
}
