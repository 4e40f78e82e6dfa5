import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export const environments = ["local", "sandbox", "testbed", "live"] as const;

/** What a build knows about itself. */
export interface Site {
  name: string;
  description: string;
  version: string;
  commit: string;
  environment: (typeof environments)[number];
}

/** Reads package.json, git and `VITE_…` variables, an empty one as if it were not set. */
export function readSite(variables: Record<string, string | undefined>): Site {
  const { name, description, version } = JSON.parse(
    readFileSync("package.json", "utf8"),
  ) as Pick<Site, "name" | "description" | "version">;
  const wanted = [variables["VITE_APP_ENV"], "local"].find(Boolean);
  const environment = environments.find((each) => each === wanted);
  if (!environment) {
    throw new Error(
      `VITE_APP_ENV: expected one of ${environments.join(", ")}, got ${JSON.stringify(wanted)}`,
    );
  }
  return { name, description, version, commit: readCommit(), environment };
}

function readCommit(): string {
  // Of ops/deploy, of a build on Vercel, of a build on Netlify.
  const { GIT_COMMIT, VERCEL_GIT_COMMIT_SHA, COMMIT_REF } = process.env;
  const given = [GIT_COMMIT, VERCEL_GIT_COMMIT_SHA, COMMIT_REF].find(Boolean);
  if (given) return given;
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "unknown"; // no repository, or no commit in it
  }
}
