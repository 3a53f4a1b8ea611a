/* Asks a policy server as Postfix does, over many connections, and says how long answers took.
 *
 *   policy_load SOCKET CONNECTIONS SECONDS RATE KEYS SEED
 *
 * SOCKET is a path, or a port of 127.0.0.1. RATE 0: each connection asks again as soon as it is
 * answered. Otherwise so many requests a second fall due, evenly, and each is timed from when it
 * was due, whether a connection was free for it or not. Addresses, senders and recipients are
 * drawn from KEYS each by Zipf's law, every message is a new one. One line comes out:
 *
 *   ANSWERS REFUSED SECONDS P50 P99 P999 WORST      (times in microseconds)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BYTES = 2048, TIMES = 1 << 23 };

struct client {
    int fd;
    double asked_at;
    size_t have;
    char answer[512];
};

static uint64_t state;
static uint64_t serial;
static long keys;
static double *up_to; /* of key i: how much of the draws goes to it and those before it */

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec + at.tv_nsec * 1e-9;
}

static void weigh(void)
{
    double sum = 0;
    up_to = malloc((size_t)keys * sizeof *up_to);
    for (long i = 0; i < keys; i++) up_to[i] = sum += 1.0 / (double)(i + 1);
}

/* By Zipf's law: the second key is half as frequent as the first, the third a third. */
static unsigned draw(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    double at = (double)(state >> 11) * 0x1p-53 * up_to[keys - 1];
    long low = 0, high = keys - 1;
    while (low < high) {
        long middle = (low + high) / 2;
        if (up_to[middle] < at) low = middle + 1;
        else high = middle;
    }
    return (unsigned)low;
}

static int connected(const char *where)
{
    int fd, one = 1;
    if (strchr(where, '/')) {
        struct sockaddr_un to = {.sun_family = AF_UNIX};
        strncpy(to.sun_path, where, sizeof to.sun_path - 1);
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) return -1;
    } else {
        struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(where))};
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) return -1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    }
    return fd;
}

static void ask(struct client *client, double due)
{
    static const char form[] =
        "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n"
        "client_address=10.%u.%u.%u\nclient_name=mail.example.org\nclient_port=45124\n"
        "reverse_client_name=mail.example.org\nserver_address=198.51.100.7\nserver_port=25\n"
        "helo_name=mail.example.org\nsender=user%u@d%u.example.org\n"
        "recipient=box%u@r%u.example.net\nrecipient_count=0\nqueue_id=\n"
        "instance=1f3a.65a1b2c3.%llx.0\nsize=12345\netrn_domain=\nstress=\nsasl_method=\n"
        "sasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n"
        "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\n"
        "encryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n"
        "compatibility_level=3.6\nmail_version=3.7.11\n\n";
    char text[BYTES];
    unsigned a = draw(), s = draw(), r = draw();
    int size = snprintf(text, sizeof text, form, a >> 16 & 255, a >> 8 & 255, a & 255, s, s % 997,
                        r, r % 997, (unsigned long long)++serial);
    client->asked_at = due;
    client->have = 0;
    if (write(client->fd, text, (size_t)size) != size) {
        perror("policy_load: write");
        exit(1);
    }
}

static int by_time(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* 1 if a whole answer has come. */
static int answered(struct client *client, long *refused)
{
    ssize_t got = read(client->fd, client->answer + client->have,
                       sizeof client->answer - client->have);
    if (got <= 0) {
        fprintf(stderr, "policy_load: the server closed a connection\n");
        exit(1);
    }
    client->have += (size_t)got;
    if (client->have < 2 || memcmp(client->answer + client->have - 2, "\n\n", 2)) return 0;
    *refused += strncasecmp(client->answer, "action=dunno\n", 13) != 0;
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: policy_load SOCKET CONNECTIONS SECONDS RATE KEYS SEED\n");
        return 2;
    }
    int count = atoi(argv[2]), waiting = 0;
    double seconds = atof(argv[3]), rate = atof(argv[4]);
    keys = atol(argv[5]);
    state = 88172645463325252ULL ^ (uint64_t)atoll(argv[6]);
    weigh();
    struct client *clients = calloc((size_t)count, sizeof *clients);
    struct client **idle = calloc((size_t)count, sizeof *idle);
    float *times = malloc(TIMES * sizeof *times);
    struct epoll_event events[64], event = {.events = EPOLLIN};
    long answers = 0, kept = 0, refused = 0;
    int poll = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        clients[i].fd = connected(argv[1]);
        if (clients[i].fd < 0) {
            perror("policy_load: connect");
            return 1;
        }
        event.data.ptr = &clients[i];
        epoll_ctl(poll, EPOLL_CTL_ADD, clients[i].fd, &event);
        idle[waiting++] = &clients[i];
    }
    double began = now(), at = began, end = began + seconds, due = began;
    while (at < end) {
        while (waiting && (rate == 0 || due <= at)) {
            ask(idle[--waiting], rate == 0 ? at : due);
            if (rate) due += 1 / rate;
        }
        double rest = rate && waiting ? due - at : end - at;
        struct timespec wait = {0, 0};
        if (rest > 0) {
            wait.tv_sec = (time_t)rest;
            wait.tv_nsec = (long)((rest - (double)wait.tv_sec) * 1e9);
        }
        int ready = epoll_pwait2(poll, events, 64, &wait, NULL);
        if (ready < 0 && errno != EINTR) {
            perror("policy_load: epoll");
            return 1;
        }
        at = now();
        for (int i = 0; i < ready; i++) {
            struct client *client = events[i].data.ptr;
            if (!answered(client, &refused)) continue;
            answers++;
            double took = now() - client->asked_at;
            if (kept < TIMES) times[kept++] = (float)(took * 1e6);
            if (rate == 0) ask(client, now());
            else idle[waiting++] = client;
        }
        at = now();
    }
    double took = now() - began;
    qsort(times, (size_t)kept, sizeof *times, by_time);
    if (!kept) return 1;
    printf("%ld %ld %.3f %.1f %.1f %.1f %.1f\n", answers, refused, took, times[kept / 2],
           times[(long)((double)kept * 0.99)], times[(long)((double)kept * 0.999)], times[kept - 1]);
    return 0;
}
