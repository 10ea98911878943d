/** What a container's output is sent as: with a terminal, and without. */
export const rawStream = "application/vnd.docker.raw-stream";
export const multiplexedStream = "application/vnd.docker.multiplexed-stream";
