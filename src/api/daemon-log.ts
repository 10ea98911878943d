/** Output of a daemon that was started by a client; that daemon keeps it within bounds. */
export const daemonLogPath = "/run/rt/daemon.log";
