/* Beginning, ending, clocks and names. */
#include "check.h"

static void threads_and_versions(void)
{
    int provided = -1, flag = 0, version = 0, subversion = -1, length = -1;
    MPI_Query_thread(&provided);
    CHECK(provided == MPI_THREAD_SINGLE || provided == MPI_THREAD_FUNNELED ||
          provided == MPI_THREAD_SERIALIZED || provided == MPI_THREAD_MULTIPLE);
    MPI_Is_thread_main(&flag);
    CHECK(flag);
    MPI_Get_version(&version, &subversion);
    EQUAL(version, MPI_VERSION);
    EQUAL(subversion, MPI_SUBVERSION);
    char text[MPI_MAX_LIBRARY_VERSION_STRING];
    MPI_Get_library_version(text, &length);
    /* Some count the final zero, too. */
    CHECK(length == (int)strlen(text) || length == (int)strlen(text) + 1);
    char name[MPI_MAX_PROCESSOR_NAME];
    MPI_Get_processor_name(name, &length);
    EQUAL(strlen(name), length);
    CHECK(length > 0);
}

static void clocks(void)
{
    double tick = MPI_Wtick();
    CHECK(tick > 0 && tick < 0.1);
    double before = MPI_Wtime();
    double now = before;
    for (int i = 0; i < 1000; i++) {
        double next = MPI_Wtime();
        CHECK(next >= now);
        now = next;
    }
}

int main(int argc, char **argv)
{
    int flag = -1;
    MPI_Initialized(&flag);
    EQUAL(flag, 0);
    MPI_Finalized(&flag);
    EQUAL(flag, 0);
    int provided = -1;
    MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    CHECK(provided >= MPI_THREAD_SINGLE);
    CHECK(rank >= 0 && rank < size);
    MPI_Initialized(&flag);
    CHECK(flag);
    passed("init");
    threads_and_versions();
    passed("threads and versions");
    clocks();
    passed("clocks");
    MPI_Finalize();
    MPI_Finalized(&flag);
    CHECK(flag);
    MPI_Initialized(&flag);
    CHECK(flag);
    if (rank == 0) {
        printf("ok finalized\n");
    }
    return 0;
}
