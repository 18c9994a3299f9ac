/*
 * Messages between two ranks. A line has many, which all have their own tag; those of different
 * lines have different tags, too, so that wildcards take nothing that is for another.
 */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 64, ROOM = 1 << 20 };

struct message {
    int source, destination, tag;
    int send_count, receive_count;
    MPI_Datatype send_type, receive_type;
    /* s, b, y for synchronous, i for one that does not wait */
    char mode;
    /* r, p for probe, P for a loop, m for mprobe, M for a loop, i */
    char way;
    int any_source, any_tag;
    struct buffer out, in;
    MPI_Request send, receive;
    MPI_Status status;
};

static struct message messages[MOST];
static int message_count;

static MPI_Datatype type_of_line(void)
{
    return types[number()];
}

static void read_messages(void)
{
    message_count = (int)number();
    if (message_count > MOST) {
        fail("too many messages");
    }
    for (int i = 0; i < message_count; i++) {
        struct message *message = &messages[i];
        message->source = (int)number();
        message->destination = (int)number();
        message->tag = (int)number();
        message->send_count = (int)number();
        message->send_type = type_of_line();
        message->receive_count = (int)number();
        message->receive_type = type_of_line();
        message->mode = *word();
        message->way = *word();
        message->any_source = (int)number();
        message->any_tag = (int)number();
        message->send = message->receive = MPI_REQUEST_NULL;
    }
}

static int source_of(const struct message *message)
{
    return message->any_source ? MPI_ANY_SOURCE : message->source;
}

static int tag_of(const struct message *message)
{
    return message->any_tag ? MPI_ANY_TAG : message->tag;
}

static void start_receive(struct message *m, MPI_Comm comm, int is_persistent)
{
    m->in = buffer_of(m->receive_count, m->receive_type, 0);
    int (*start)(void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *) =
        is_persistent ? MPI_Recv_init : MPI_Irecv;
    start(m->in.start, m->receive_count, m->receive_type, source_of(m), tag_of(m), comm,
          &m->receive);
}

static void start_send(struct message *m, MPI_Comm comm, int is_persistent)
{
    m->out = buffer_of(m->send_count, m->send_type, 1);
    int (*start)(const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *) =
        m->mode == 'b'   ? (is_persistent ? MPI_Bsend_init : MPI_Ibsend)
        : m->mode == 'y' ? (is_persistent ? MPI_Ssend_init : MPI_Issend)
                         : (is_persistent ? MPI_Send_init : MPI_Isend);
    start(m->out.start, m->send_count, m->send_type, m->destination, m->tag, comm, &m->send);
}

/* Open MPI counts a plain pair as one, and pairs in other types as the two that they are. */
static int elements_of(const MPI_Status *status, MPI_Datatype type)
{
    int elements;
    if (type == MPI_2INT) {
        MPI_Get_count(status, type, &elements);
    } else {
        MPI_Get_elements(status, type, &elements);
    }
    return elements;
}

static void show(struct message *m, int index)
{
    int elements = elements_of(&m->status, m->receive_type);
    note("message %d from %d with %d: %d elements %016llx", index, m->status.MPI_SOURCE,
         m->status.MPI_TAG, elements, (unsigned long long)end_of(&m->in));
}

/* The requests of this rank, each with where its status belongs. */
static int collect(int mine, MPI_Request *requests, MPI_Status **statuses)
{
    int count = 0;
    for (int i = 0; i < message_count; i++) {
        if (messages[i].destination == mine) {
            statuses[count] = &messages[i].status;
            requests[count++] = messages[i].receive;
        }
    }
    for (int i = 0; i < message_count; i++) {
        if (messages[i].source == mine) {
            statuses[count] = NULL;
            requests[count++] = messages[i].send;
        }
    }
    return count;
}

static void keep(MPI_Status *where, const MPI_Status *status)
{
    if (where != NULL) {
        *where = *status;
    }
}

static void wait_for_one(int way, int count, MPI_Request *requests, MPI_Status **statuses)
{
    MPI_Status status;
    for (int i = 0; i < count; i++) {
        int index = i, flag = way < 2;
        if (way == 0) {
            MPI_Wait(&requests[i], &status);
        } else if (way == 1) {
            MPI_Waitany(count, requests, &index, &status);
        }
        while (!flag) {
            if (way == 2) {
                MPI_Test(&requests[i], &flag, &status);
            } else {
                MPI_Testany(count, requests, &index, &flag, &status);
            }
        }
        keep(statuses[index], &status);
    }
}

static void wait_for_several(int way, int count, MPI_Request *requests, MPI_Status **statuses)
{
    MPI_Status found[2 * MOST];
    int indices[2 * MOST], done = 0;
    if (way < 6) {
        int flag = way == 4;
        if (way == 4) {
            MPI_Waitall(count, requests, found);
        }
        while (!flag) {
            MPI_Testall(count, requests, &flag, found);
        }
        for (int i = 0; i < count; i++) {
            keep(statuses[i], &found[i]);
        }
        return;
    }
    while (done < count) {
        int some = 0;
        if (way == 6) {
            MPI_Waitsome(count, requests, &some, indices, found);
        } else {
            MPI_Testsome(count, requests, &some, indices, found);
        }
        for (int i = 0; i < some; i++) {
            keep(statuses[indices[i]], &found[i]);
        }
        done += some;
    }
}

/* Persistent requests are described first, and started together. */
static void all_at_once(MPI_Comm comm, int mine, int way, int is_persistent)
{
    for (int i = 0; i < message_count; i++) {
        if (messages[i].destination == mine) {
            start_receive(&messages[i], comm, is_persistent);
        }
    }
    for (int i = 0; i < message_count; i++) {
        if (messages[i].source == mine) {
            start_send(&messages[i], comm, is_persistent);
        }
    }
    MPI_Request requests[2 * MOST];
    MPI_Status *statuses[2 * MOST];
    int count = collect(mine, requests, statuses);
    if (is_persistent) {
        MPI_Startall(count, requests);
    }
    if (way < 4) {
        wait_for_one(way, count, requests, statuses);
    } else {
        wait_for_several(way, count, requests, statuses);
    }
    for (int i = 0; is_persistent && i < count; i++) {
        MPI_Request_free(&requests[i]);
    }
    for (int i = 0; i < message_count; i++) {
        if (messages[i].destination == mine) {
            show(&messages[i], i);
        }
        if (messages[i].source == mine) {
            end_of(&messages[i].out);
        }
    }
}

static void send(struct message *m, MPI_Comm comm)
{
    if (m->mode == 'i') {
        start_send(m, comm, 0);
        MPI_Wait(&m->send, MPI_STATUS_IGNORE);
    } else {
        m->out = buffer_of(m->send_count, m->send_type, 1);
        int (*now)(const void *, int, MPI_Datatype, int, int, MPI_Comm) =
            m->mode == 'b' ? MPI_Bsend : m->mode == 'y' ? MPI_Ssend : MPI_Send;
        now(m->out.start, m->send_count, m->send_type, m->destination, m->tag, comm);
    }
    end_of(&m->out);
}

static void receive(struct message *m, int index, MPI_Comm comm)
{
    int source = source_of(m), tag = tag_of(m), flag = 0;
    MPI_Message matched;
    if (m->way == 'i') {
        start_receive(m, comm, 0);
        MPI_Wait(&m->receive, &m->status);
        show(m, index);
        return;
    }
    m->in = buffer_of(m->receive_count, m->receive_type, 0);
    if (m->way == 'p') {
        MPI_Probe(source, tag, comm, &m->status);
    }
    while (m->way == 'P' && !flag) {
        MPI_Iprobe(source, tag, comm, &flag, &m->status);
    }
    if (m->way == 'p' || m->way == 'P') {
        source = m->status.MPI_SOURCE;
        tag = m->status.MPI_TAG;
    }
    if (m->way == 'm') {
        MPI_Mprobe(source, tag, comm, &matched, &m->status);
        MPI_Mrecv(m->in.start, m->receive_count, m->receive_type, &matched, &m->status);
    } else if (m->way == 'M') {
        while (!flag) {
            MPI_Improbe(source, tag, comm, &flag, &matched, &m->status);
        }
        MPI_Imrecv(m->in.start, m->receive_count, m->receive_type, &matched, &m->receive);
        MPI_Wait(&m->receive, &m->status);
    } else {
        MPI_Recv(m->in.start, m->receive_count, m->receive_type, source, tag, comm, &m->status);
    }
    show(m, index);
}

/* Everyone takes the messages in the same order, so that none waits for a later one. */
static void one_by_one(MPI_Comm comm, int mine)
{
    for (int i = 0; i < message_count; i++) {
        if (messages[i].source == mine) {
            send(&messages[i], comm);
        } else if (messages[i].destination == mine) {
            receive(&messages[i], i, comm);
        }
    }
}

void exchange(void)
{
    MPI_Comm comm = comms[number()];
    int style = (int)number(), way = (int)number(), mine;
    read_messages();
    if (comm == MPI_COMM_NULL) {
        return;
    }
    MPI_Comm_rank(comm, &mine);
    void *room = malloc(ROOM), *detached;
    int length;
    if (room == NULL) {
        fail("no memory");
    }
    MPI_Buffer_attach(room, ROOM);
    if (style == 0) {
        one_by_one(comm, mine);
    } else {
        all_at_once(comm, mine, way, style == 2);
    }
    MPI_Buffer_detach(&detached, &length);
    free(room);
}

/* Everyone sends to the one `distance` after, at the same time. */
void shift(void)
{
    MPI_Comm comm = comms[number()];
    int distance = (int)number(), tag = (int)number(), count = (int)number();
    MPI_Datatype type = type_of_line();
    int is_open = (int)number(), is_in_place = (int)number(), mine, size;
    if (comm == MPI_COMM_NULL) {
        return;
    }
    MPI_Comm_rank(comm, &mine);
    MPI_Comm_size(comm, &size);
    int to = mine + distance, from = mine - distance;
    if (is_open) {
        to = to < size ? to : MPI_PROC_NULL;
        from = from >= 0 ? from : MPI_PROC_NULL;
    } else {
        to %= size;
        from = (from % size + size) % size;
    }
    struct buffer out = buffer_of(count, type, 1), in = buffer_of(count, type, 0);
    MPI_Status status;
    if (is_in_place) {
        MPI_Sendrecv_replace(out.start, count, type, to, tag, from, tag, comm, &status);
    } else {
        MPI_Sendrecv(out.start, count, type, to, tag, in.start, count, type, from, tag, comm,
                     &status);
    }
    /* One after the other: compilers differ in the order of arguments. */
    uint64_t sent = end_of(&out), received = end_of(&in);
    note("shifted %d elements from %d %016llx %016llx", elements_of(&status, type),
         status.MPI_SOURCE == MPI_PROC_NULL ? -1 : status.MPI_SOURCE, (unsigned long long)sent,
         (unsigned long long)received);
}
