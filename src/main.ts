#!/usr/bin/env bun
import { version } from "../package.json";
import { dispatch } from "./cli/dispatch.ts";
import { commands } from "./cmd/table.ts";

/** rt: argv → subcommand → exit code. A copy that is called `docker` answers as docker. */
const called = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
const name = called === "docker" ? "docker" : "rt";

process.exit(await dispatch({ name, version, table: commands }, process.argv.slice(2)));
