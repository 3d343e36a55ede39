/* The only program of the tests' tiny image: it serves, or tries one thing and says how that ended. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The first process of a container ignores signals that it does not handle. */
static void leave(int signal) { _exit(128 + signal); }

static struct sockaddr_in place(const char *host, const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "%s is no IPv4 address\n", host);
        exit(2);
    }
    return address;
}

/* Answer every request with 200, one after another. */
static int serve(const char *port)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    struct sockaddr_in address = place("0.0.0.0", port);
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) {
        perror("listen");
        return 1;
    }
    printf("listening on %s\n", port);
    for (;;) {
        char request[4096];
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        if (read(client, request, sizeof request) > 0 && write(client, answer, sizeof answer - 1) < 0)
            perror("write");
        shutdown(client, SHUT_WR);
        close(client);
    }
}

/* Take megabyte after megabyte, really: each is written to. */
static int eat(int megabytes)
{
    for (int taken = 1; taken <= megabytes; taken++) {
        char *block = malloc(1 << 20);
        if (!block)
            return 1;
        memset(block, taken, 1 << 20);
        if (taken % 16 == 0)
            printf("%d MB\n", taken);
    }
    return 0;
}

/* Start processes that stay; print how many there were before the kernel refused one. */
static int multiply(int wanted)
{
    int started = 0;
    for (; started < wanted; started++) {
        pid_t child = fork();
        if (child < 0)
            break;
        if (child == 0) {
            pause();
            _exit(0);
        }
    }
    printf("%d\n", started);
    int refused = started < wanted;
    signal(SIGTERM, SIG_IGN);
    kill(0, SIGTERM);
    return refused;
}

/* Exits with 0 if something accepts the connection within two seconds. */
static int reach(const char *host, const char *port)
{
    struct sockaddr_in address = place(host, port);
    int error = 0, one = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    socklen_t size = sizeof error;
    if (connect(one, (struct sockaddr *)&address, sizeof address)) {
        struct pollfd wait = {.fd = one, .events = POLLOUT};
        error = errno;
        if (error == EINPROGRESS) {
            error = ETIMEDOUT;
            if (poll(&wait, 1, 2000) > 0)
                getsockopt(one, SOL_SOCKET, SO_ERROR, &error, &size);
        }
    }
    puts(error ? strerror(error) : "reached");
    return error != 0;
}

int main(int count, char **words)
{
    const char *verb = count > 1 ? words[1] : "";
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGTERM, leave);
    signal(SIGINT, leave);
    signal(SIGPIPE, SIG_IGN);
    if (count == 3 && !strcmp(verb, "serve"))
        return serve(words[2]);
    if (count == 3 && !strcmp(verb, "eat"))
        return eat(atoi(words[2]));
    if (count == 3 && !strcmp(verb, "fork"))
        return multiply(atoi(words[2]));
    if (count == 4 && !strcmp(verb, "connect"))
        return reach(words[2], words[3]);
    if (count == 2 && !strcmp(verb, "sleep"))
        for (;;)
            pause();
    fputs("probe serve PORT | eat MEGABYTES | fork TIMES | connect ADDRESS PORT | sleep\n", stderr);
    return 2;
}
