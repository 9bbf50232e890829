/* The temperature of a plate that three heaters warm, in parallel with MPI.

   usage: plate N X1 Y1 X2 Y2 X3 Y3 RESULT.h5

   Solves  -laplace(T) + COOLING * T = heat  on the unit square with insulated edges, by
   finite volumes on N x N cells: what flows between neighbours, less what the surface
   loses, is what the heaters give. Each process has a band of rows; the equations are
   solved by conjugate gradients, for which the processes exchange the rows at the edges
   of their bands. The first process writes /unevenness, the standard deviation of the
   temperature divided by its mean, and /temperature, N x N. */

#include <hdf5.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

#define COOLING 12.0
#define HEATER_WIDTH 0.06
#define TOLERANCE 1e-10

static int rank, n_ranks;
static int n;              /* cells along an edge of the plate */
static int first, n_rows;  /* the rows of this process */

static void fail(const char *message)
{
    if (rank == 0)
        fprintf(stderr, "plate: %s\n", message);
    MPI_Finalize();
    exit(1);
}

static int first_row(int of_rank)
{
    return (int)((long)n * of_rank / n_ranks);
}

/* Fields have a row of neighbours above and below: row r is at field + (r + 1) * n. */
static double *new_field(void)
{
    double *field = calloc((size_t)(n_rows + 2) * n, sizeof *field);
    if (!field)
        fail("out of memory");
    return field;
}

static double dot(const double *a, const double *b)
{
    double mine = 0, all;
    int i;
    for (i = n; i < (n_rows + 1) * n; i++)
        mine += a[i] * b[i];
    MPI_Allreduce(&mine, &all, 1, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

static void exchange_edges(double *field)
{
    int above = rank > 0 ? rank - 1 : MPI_PROC_NULL;
    int below = rank < n_ranks - 1 ? rank + 1 : MPI_PROC_NULL;
    MPI_Sendrecv(field + n, n, MPI_DOUBLE, above, 0, field + (n_rows + 1) * n, n,
                 MPI_DOUBLE, below, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    MPI_Sendrecv(field + n_rows * n, n, MPI_DOUBLE, below, 1, field, n, MPI_DOUBLE,
                 above, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

/* result = the heat that a cell gives away, per area, at these temperatures. */
static void apply(double *field, double *result)
{
    double per_area = (double)n * n;
    int row, column;
    exchange_edges(field);
    for (row = 1; row <= n_rows; row++) {
        for (column = 0; column < n; column++) {
            const double *cell = field + row * n + column;
            double flow = 0;
            if (first + row - 1 > 0)
                flow += cell[0] - cell[-n];
            if (first + row - 1 < n - 1)
                flow += cell[0] - cell[n];
            if (column > 0)
                flow += cell[0] - cell[-1];
            if (column < n - 1)
                flow += cell[0] - cell[1];
            result[row * n + column] = flow * per_area + COOLING * cell[0];
        }
    }
}

static void solve(const double *heat, double *temperature)
{
    double *rest = new_field(), *step = new_field(), *image = new_field();
    double size, before, limit;
    int i, end = (n_rows + 1) * n;
    for (i = n; i < end; i++)
        rest[i] = step[i] = heat[i];
    size = dot(rest, rest);
    limit = TOLERANCE * TOLERANCE * size;
    while (size > limit) {
        double length;
        apply(step, image);
        length = size / dot(step, image);
        for (i = n; i < end; i++) {
            temperature[i] += length * step[i];
            rest[i] -= length * image[i];
        }
        before = size;
        size = dot(rest, rest);
        for (i = n; i < end; i++)
            step[i] = rest[i] + size / before * step[i];
    }
    free(rest);
    free(step);
    free(image);
}

static double heat_at(double x, double y, const double *heaters)
{
    double heat = 0;
    int k;
    for (k = 0; k < 3; k++) {
        double dx = x - heaters[2 * k], dy = y - heaters[2 * k + 1];
        heat += exp(-(dx * dx + dy * dy) / (2 * HEATER_WIDTH * HEATER_WIDTH));
    }
    return heat;
}

static int write_result(const char *path, double unevenness, const double *plate)
{
    hsize_t shape[2] = {(hsize_t)n, (hsize_t)n};
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t scalar = H5Screate(H5S_SCALAR), square = H5Screate_simple(2, shape, NULL);
    hid_t one = H5Dcreate2(file, "unevenness", H5T_NATIVE_DOUBLE, scalar, H5P_DEFAULT,
                           H5P_DEFAULT, H5P_DEFAULT);
    hid_t all = H5Dcreate2(file, "temperature", H5T_NATIVE_DOUBLE, square, H5P_DEFAULT,
                           H5P_DEFAULT, H5P_DEFAULT);
    int is_written =
        H5Dwrite(one, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &unevenness) >= 0 &&
        H5Dwrite(all, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, plate) >= 0;
    H5Dclose(one);
    H5Dclose(all);
    H5Sclose(scalar);
    H5Sclose(square);
    return H5Fclose(file) >= 0 && is_written;
}

/* Bring the bands together on the first process, which returns the plate. */
static double *gather(const double *field)
{
    int *counts = malloc(n_ranks * sizeof *counts), *places = malloc(n_ranks * sizeof *places);
    double *plate = rank == 0 ? malloc((size_t)n * n * sizeof *plate) : NULL;
    int k;
    if (!counts || !places || (rank == 0 && !plate))
        fail("out of memory");
    for (k = 0; k < n_ranks; k++) {
        places[k] = first_row(k) * n;
        counts[k] = first_row(k + 1) * n - places[k];
    }
    MPI_Gatherv(field + n, n_rows * n, MPI_DOUBLE, plate, counts, places, MPI_DOUBLE, 0,
                MPI_COMM_WORLD);
    free(counts);
    free(places);
    return plate;
}

int main(int argc, char **argv)
{
    double heaters[6], *heat, *temperature, *ones, *plate, mean, variance;
    int k, row, column, is_written = 1;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    if (argc != 9)
        fail("usage: plate N X1 Y1 X2 Y2 X3 Y3 RESULT.h5");
    n = atoi(argv[1]);
    if (n < n_ranks)
        fail("expected at least one row of cells for each process");
    for (k = 0; k < 6; k++) {
        char *end;
        heaters[k] = strtod(argv[2 + k], &end);
        if (*end || !(heaters[k] >= 0 && heaters[k] <= 1))
            fail("expected places between 0 and 1");
    }
    first = first_row(rank);
    n_rows = first_row(rank + 1) - first;

    heat = new_field();
    temperature = new_field();
    ones = new_field();
    for (row = 0; row < n_rows; row++) {
        for (column = 0; column < n; column++) {
            int i = (row + 1) * n + column;
            heat[i] = heat_at((column + 0.5) / n, (first + row + 0.5) / n, heaters);
            ones[i] = 1;
        }
    }
    solve(heat, temperature);
    mean = dot(temperature, ones) / ((double)n * n);
    variance = dot(temperature, temperature) / ((double)n * n) - mean * mean;
    plate = gather(temperature);
    if (rank == 0) {
        double unevenness = sqrt(fmax(variance, 0)) / mean;
        is_written = write_result(argv[8], unevenness, plate);
        printf("%d processes: mean %g, unevenness %g\n", n_ranks, mean, unevenness);
    }
    if (!is_written)
        fail("cannot write the result");
    MPI_Finalize();
    return 0;
}
