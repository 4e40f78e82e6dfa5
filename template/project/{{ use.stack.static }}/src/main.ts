import { fetchVersion, inWords } from "./version.ts";

const version = document.querySelector("#version");
if (version) {
  try {
    version.textContent = inWords(await fetchVersion());
  } catch (error) {
    console.error(error);
    version.textContent = "unknown";
  }
}
