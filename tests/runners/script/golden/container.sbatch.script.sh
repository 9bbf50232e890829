#!/bin/bash
# Runs job.command in a container, by what there is of apptainer, singularity and podman.
#
# Name the image in the config, and what else the tool shall be told:
#   environment: {CONTAINER_IMAGE: /images/flow.sif, CONTAINER_OPTIONS: --nv}
# The folders of the experiment and of the config are there in the container too.

module load openmpi
ulimit -s unlimited

cd '/home/ada/my project' || exit

tool=
for name in apptainer singularity podman; do
    if [[ -z $tool ]] && command -v "$name" > /dev/null; then
        tool=$name
    fi
done
read -r -a options <<< "${CONTAINER_OPTIONS:-}"
image=${CONTAINER_IMAGE:?is missing: name the image under job.environment}

case $tool in
    apptainer | singularity)
        exec "$tool" exec --bind /scratch/demo --bind '/home/ada/my project' \
            --pwd "$PWD" "${options[@]}" "$image" ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5
        ;;
    podman)
        # Variables of hpcopt and Slurm; apptainer and singularity pass all of them on.
        exec podman run --rm --env 'HPCOPT_*' --env 'SLURM_*' --workdir "$PWD" \
            --mount type=bind,src=/scratch/demo,dst=/scratch/demo \
            --mount type=bind,src='/home/ada/my project',dst='/home/ada/my project' \
            "${options[@]}" "$image" ./simulate --x=0.5 /scratch/demo/trials/0007/attempt-1/result.h5
        ;;
    *)
        echo "expected apptainer, singularity or podman on PATH, found none of them" >&2
        exit 127
        ;;
esac
