/* An SEIR epidemic in a closed school, compared with the boys observed in bed.
 *
 *   epidemic DATA TRANSMISSION_RATE INCUBATION_RATE RECOVERY_RATE INFECTIOUS OUT
 *
 * Rates are per day; INFECTIOUS is how many boys are infectious on day 0. OUT is an HDF5
 * file with /loss (Poisson deviance), /day, /in_bed, and /run with the attributes
 * largest_error, in boys, and r0.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <hdf5.h>

enum { MAX_DAYS = 1000, STEPS_PER_DAY = 200, N_STATES = 3 };

static const double N_BOYS = 763.0;

/* A model that expects nobody has no finite deviance. */
static const double FEWEST_EXPECTED = 1e-3;

struct rates {
    double transmission, incubation, recovery;
};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "epidemic: %s: %s\n", what, which);
    exit(1);
}

static double number(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0) || !isfinite(value))
        fail("expected a number of 0 or more, found", text);
    return value;
}

static int read_days(const char *path, double day[], double in_bed[])
{
    char line[256];
    int n = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail("cannot read", path);
    while (n < MAX_DAYS && fgets(line, sizeof line, file) != NULL)
        if (line[0] != '#') {
            if (sscanf(line, "%lf,%lf", &day[n], &in_bed[n]) != 2)
                fail("expected day,in_bed, found", line);
            n++;
        }
    fclose(file);
    if (n == 0)
        fail("no observations in", path);
    return n;
}

/* The states are the susceptible, the exposed and the infectious. */
static void change(const struct rates *r, const double y[], double dy[])
{
    double infections = r->transmission * y[0] * y[2] / N_BOYS;
    dy[0] = -infections;
    dy[1] = infections - r->incubation * y[1];
    dy[2] = r->incubation * y[1] - r->recovery * y[2];
}

/* One step of the classical Runge-Kutta method of order four. */
static void advance(const struct rates *r, double y[], double h)
{
    static const double at[] = {0.0, 0.5, 0.5, 1.0};
    static const double weight[] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};
    double k[N_STATES] = {0}, sum[N_STATES] = {0}, z[N_STATES];
    for (int stage = 0; stage < 4; stage++) {
        for (int i = 0; i < N_STATES; i++)
            z[i] = y[i] + at[stage] * h * k[i];
        change(r, z, k);
        for (int i = 0; i < N_STATES; i++)
            sum[i] += weight[stage] * k[i];
    }
    for (int i = 0; i < N_STATES; i++)
        y[i] += h * sum[i];
}

static void simulate(const struct rates *r, double infectious, int n,
                     const double day[], double expected[])
{
    double y[N_STATES] = {N_BOYS - infectious, 0.0, infectious};
    double now = 0.0;
    for (int i = 0; i < n; i++) {
        int n_steps = (int)ceil((day[i] - now) * STEPS_PER_DAY);
        for (int step = 0; step < n_steps; step++)
            advance(r, y, (day[i] - now) / n_steps);
        now = day[i];
        expected[i] = y[2];
    }
}

static double deviance(int n, const double observed[], const double expected[])
{
    double sum = 0.0;
    for (int i = 0; i < n; i++) {
        double mean = fmax(expected[i], FEWEST_EXPECTED);
        if (observed[i] > 0)
            sum += observed[i] * log(observed[i] / mean);
        sum += mean - observed[i];
    }
    return 2.0 * sum;
}

static double largest_error(int n, const double observed[], const double expected[])
{
    double largest = 0.0;
    for (int i = 0; i < n; i++)
        largest = fmax(largest, fabs(observed[i] - expected[i]));
    return largest;
}

static void write_series(hid_t file, const char *name, int n, const double values[])
{
    hsize_t size = (hsize_t)n;
    hid_t space = n == 1 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
    hid_t set = H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT,
                           H5P_DEFAULT);
    if (H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
        fail("cannot write", name);
    H5Dclose(set);
    H5Sclose(space);
}

static void write_attribute(hid_t object, const char *name, double value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(object, name, H5T_IEEE_F64LE, space, H5P_DEFAULT,
                                 H5P_DEFAULT);
    if (H5Awrite(attribute, H5T_NATIVE_DOUBLE, &value) < 0)
        fail("cannot write", name);
    H5Aclose(attribute);
    H5Sclose(space);
}

int main(int argc, char *argv[])
{
    static double day[MAX_DAYS], observed[MAX_DAYS], expected[MAX_DAYS];
    if (argc != 7)
        fail("usage", "epidemic DATA TRANSMISSION_RATE INCUBATION_RATE RECOVERY_RATE "
                      "INFECTIOUS OUT");
    struct rates rates = {number(argv[2]), number(argv[3]), number(argv[4])};
    int n = read_days(argv[1], day, observed);
    simulate(&rates, number(argv[5]), n, day, expected);
    double loss = deviance(n, observed, expected);

    hid_t file = H5Fcreate(argv[6], H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (file < 0)
        fail("cannot create", argv[6]);
    write_series(file, "loss", 1, &loss);
    write_series(file, "day", n, day);
    write_series(file, "in_bed", n, expected);
    hid_t run = H5Gcreate2(file, "run", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    write_attribute(run, "largest_error", largest_error(n, observed, expected));
    write_attribute(run, "r0", rates.transmission / rates.recovery);
    H5Gclose(run);
    return H5Fclose(file) < 0;
}
