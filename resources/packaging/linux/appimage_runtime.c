/* The program at the head of our AppImage (type 2: docs.appimage.org, "Image format").
 *
 * A squashfs image with the application lies behind this program, in the same file. It is mounted
 * through FUSE and its AppRun started; where FUSE is missing, the image is unpacked to a private
 * temporary folder first. Either way nothing is left when the application ends.
 *
 * Built statically (build_appimage.py), so that it runs on any x86-64 Linux. The image is
 * compressed with Zstandard; LZO, which would bring GPL code, is not built in.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 32
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <squashfuse/squashfuse.h>
#include <squashfuse/ll.h>

enum { BUFFER = 1 << 20, PATH = 4096 };

static volatile sig_atomic_t application;

/* libsquashfuse names LZO's decompressor; our images never use it. */
int lzo1x_decompress_safe(const unsigned char *in, unsigned long in_size, unsigned char *out,
                          unsigned long *out_size, void *memory) {
    (void)in, (void)in_size, (void)out, (void)out_size, (void)memory;
    return -1;
}

static int fail(const char *what) {
    fprintf(stderr, "GEB Chat cannot start: %s: %s\n", what, strerror(errno));
    return 1;
}

/* Where this program ends and the image begins, in bytes; -1 on error. */
static off_t image_offset(const char *self) {
    Elf64_Ehdr header;
    int file = open(self, O_RDONLY | O_CLOEXEC);
    if (file < 0) return -1;
    off_t end = -1;
    if (read(file, &header, sizeof header) == sizeof header)
        end = (off_t)(header.e_shoff + (Elf64_Off)header.e_shentsize * header.e_shnum);
    close(file);
    return end;
}

/* ---- Mounting ---- */

static int serve(const char *self, off_t offset, const char *mountpoint, int ready) {
    struct fuse_lowlevel_ops operations = {
        .getattr = sqfs_ll_op_getattr,       .opendir = sqfs_ll_op_opendir,
        .releasedir = sqfs_ll_op_releasedir, .readdir = sqfs_ll_op_readdir,
        .lookup = sqfs_ll_op_lookup,         .open = sqfs_ll_op_open,
        .create = sqfs_ll_op_create,         .release = sqfs_ll_op_release,
        .read = sqfs_ll_op_read,             .readlink = sqfs_ll_op_readlink,
        .listxattr = sqfs_ll_op_listxattr,   .getxattr = sqfs_ll_op_getxattr,
        .forget = sqfs_ll_op_forget,         .statfs = stfs_ll_op_statfs,
    };
    char *words[] = {(char *)self, "-o", "ro,nodev,nosuid,subtype=geb-chat"};
    struct fuse_args arguments = FUSE_ARGS_INIT(3, words);
    sqfs_ll_chan channel;
    /* FUSE complains on stderr where it is missing; unpacking then helps, so nobody need know. */
    int silent = open("/dev/null", O_WRONLY | O_CLOEXEC), errors = dup(STDERR_FILENO);
    dup2(silent, STDERR_FILENO);
    sqfs_ll *image = sqfs_ll_open(self, (size_t)offset);
    sqfs_err status = SQFS_ERR;
    if (image)
        status = sqfs_ll_mount(&channel, mountpoint, &arguments, &operations, sizeof operations, image);
    dup2(errors, STDERR_FILENO);
    if (status != SQFS_OK) return 1;
    fuse_set_signal_handlers(channel.session);
    if (write(ready, "", 1) != 1) return 1;
    close(ready);
    fuse_session_loop(channel.session);
    fuse_remove_signal_handlers(channel.session);
    sqfs_ll_unmount(&channel, mountpoint);
    return 0;
}

/* Return the process that serves the image below `mountpoint`, or -1 where FUSE is missing. */
static pid_t mount_image(const char *self, off_t offset, const char *mountpoint) {
    int ends[2];
    char byte;
    if (access("/dev/fuse", R_OK | W_OK) != 0 || pipe2(ends, O_CLOEXEC) != 0) return -1;
    pid_t parent = getpid(), server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent) _exit(1);
        setpgid(0, 0); /* Ctrl-C in a terminal is for the application */
        close(ends[0]);
        _exit(serve(self, offset, mountpoint, ends[1]));
    }
    close(ends[1]);
    ssize_t got = server < 0 ? 0 : read(ends[0], &byte, 1);
    close(ends[0]);
    if (got == 1) return server;
    if (server > 0) waitpid(server, NULL, 0);
    return -1;
}

/* ---- Unpacking ---- */

static int write_file(sqfs *fs, sqfs_inode *inode, const char *path, mode_t mode) {
    static char buffer[BUFFER];
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (file < 0) return -1;
    sqfs_off_t at = 0, size = BUFFER;
    while (sqfs_read_range(fs, inode, at, &size, buffer) == SQFS_OK && size > 0) {
        if (write(file, buffer, (size_t)size) != (ssize_t)size) break;
        at += size;
        size = BUFFER;
    }
    return close(file) == 0 && (uint64_t)at == inode->xtra.reg.file_size ? 0 : -1;
}

sqfs_err sqfs_stat(sqfs *fs, sqfs_inode *inode, struct stat *status); /* in no installed header */

static int write_entry(sqfs *fs, sqfs_dir_entry *entry, const char *path) {
    sqfs_inode inode;
    struct stat status;
    char target[PATH];
    size_t size = sizeof target;
    if (sqfs_inode_get(fs, &inode, sqfs_dentry_inode(entry)) != SQFS_OK) return -1;
    if (sqfs_stat(fs, &inode, &status) != SQFS_OK) return -1;
    if (S_ISDIR(status.st_mode)) return mkdir(path, 0755);
    if (S_ISREG(status.st_mode)) return write_file(fs, &inode, path, status.st_mode & 0777);
    if (S_ISLNK(status.st_mode) && sqfs_readlink(fs, &inode, target, &size) == SQFS_OK)
        return symlink(target, path);
    return 0;
}

static int unpack(const char *self, off_t offset, const char *folder) {
    sqfs fs;
    sqfs_traverse walk;
    sqfs_err status;
    char path[PATH];
    if (sqfs_open_image(&fs, self, (size_t)offset) != SQFS_OK) return -1;
    if (sqfs_traverse_open(&walk, &fs, sqfs_inode_root(&fs)) != SQFS_OK) return -1;
    while (sqfs_traverse_next(&walk, &status)) {
        if (walk.dir_end) continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, walk.path) >= PATH) return -1;
        if (write_entry(&fs, &walk.entry, path) != 0) return -1;
    }
    sqfs_traverse_close(&walk);
    sqfs_destroy(&fs);
    return status == SQFS_OK ? 0 : -1;
}

static void remove_folder(const char *folder) {
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
        _exit(1);
    }
    if (child > 0) waitpid(child, NULL, 0);
}

/* ---- Starting ---- */

static void pass_on(int number) {
    if (application > 0) kill(application, number);
}

static int run(const char *folder, char **arguments) {
    char program[PATH];
    snprintf(program, sizeof program, "%s/AppRun", folder);
    setenv("APPDIR", folder, 1);
    application = fork();
    if (application == 0) {
        execv(program, arguments);
        _exit(fail(program));
    }
    if (application < 0) return fail("fork");
    for (const int *number = (const int[]){SIGTERM, SIGINT, SIGHUP, 0}; *number; number++)
        signal(*number, pass_on);
    int status;
    while (waitpid(application, &status, 0) < 0)
        if (errno != EINTR) return fail("wait");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int start(const char *self, off_t offset, char **arguments) {
    char folder[PATH];
    const char *temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/geb-chat-XXXXXX", temporary && *temporary ? temporary : "/tmp");
    if (!mkdtemp(folder)) return fail(folder);
    pid_t server = getenv("APPIMAGE_EXTRACT_AND_RUN") ? -1 : mount_image(self, offset, folder);
    int status;
    if (server > 0) {
        status = run(folder, arguments);
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
        rmdir(folder);
    } else {
        status = unpack(self, offset, folder) == 0 ? run(folder, arguments) : fail(folder);
        remove_folder(folder);
    }
    return status;
}

int main(int count, char **arguments) {
    char self[PATH] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0) return fail("/proc/self/exe");
    off_t offset = image_offset(self);
    if (offset < 0) return fail(self);
    setenv("APPIMAGE", self, 1);
    setenv("ARGV0", arguments[0], 1);
    const char *option = count > 1 ? arguments[1] : "";
    if (strcmp(option, "--appimage-offset") == 0) {
        printf("%lld\n", (long long)offset);
        return 0;
    }
    if (strcmp(option, "--appimage-extract") == 0) {
        if (mkdir("squashfs-root", 0755) != 0 || unpack(self, offset, "squashfs-root") != 0)
            return fail("squashfs-root");
        puts("squashfs-root");
        return 0;
    }
    return start(self, offset, arguments);
}
