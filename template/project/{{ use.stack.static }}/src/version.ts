/** What /version says about the files that are served. */
export interface Version {
  version: string;
  commit: string;
  environment: string;
}

export async function fetchVersion(): Promise<Version> {
  const response = await fetch("/version");
  if (!response.ok)
    throw new Error(`/version answered ${response.status.toString()}`);
  return (await response.json()) as Version;
}

/** A version in a few words: "0.1.0 (abc1234), sandbox", the environment only where it is not live. */
export function inWords({ version, commit, environment }: Version): string {
  const build = `${version} (${commit.slice(0, 7)})`;
  return environment === "live" ? build : `${build}, ${environment}`;
}
