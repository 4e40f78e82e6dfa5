# shellcheck shell=sh
# Programs that are no dependency of the project. A laptop has them on its PATH, or is told what it
# lacks; CI downloads the one file that is named here, and runs it only if it has that SHA-256.
#
# TOOLS_MIRROR is where else the files are, if not at their makers': https://mirror.example serves
# https://github.com/a/b as https://mirror.example/github.com/a/b.

# Tool, machine, SHA-256, address and, in an archive, the name of the file.
tool_files() {
  cat <<'END'
gitleaks x86_64 551f6fc83ea457d62a0d98237cbad105af8d557003051f41f3e7ca7b3f2470eb https://github.com/gitleaks/gitleaks/releases/download/v8.30.1/gitleaks_8.30.1_linux_x64.tar.gz gitleaks
gitleaks aarch64 e4a487ee7ccd7d3a7f7ec08657610aa3606637dab924210b3aee62570fb4b080 https://github.com/gitleaks/gitleaks/releases/download/v8.30.1/gitleaks_8.30.1_linux_arm64.tar.gz gitleaks
fly x86_64 384a14958b214b18ebda784dee101a633ceae626ac4bcccee0fc7ebb111247a4 https://github.com/superfly/flyctl/releases/download/v0.4.99/flyctl_0.4.99_Linux_x86_64.tar.gz flyctl
fly aarch64 23fcf016fb7812b743674ee06167abbd68ffb74e00f61c45b7e213f0bd4694ab https://github.com/superfly/flyctl/releases/download/v0.4.99/flyctl_0.4.99_Linux_arm64.tar.gz flyctl
hadolint x86_64 c7187db94eeeeca956519a6af171adc31453941a1e777961f6e680f697c8c507 https://github.com/hadolint/hadolint/releases/download/v2.15.1/hadolint-linux-x86_64 hadolint
hadolint aarch64 f6198ef8090f404dbb771abfee086eb8c48ac177f30da7fd3510aca35b344b5d https://github.com/hadolint/hadolint/releases/download/v2.15.1/hadolint-linux-arm64 hadolint
osv-scanner x86_64 f9f25499a2c8cc367b3af45df2ea7eeca7fbccceab9c35079968f4b3652194be https://github.com/google/osv-scanner/releases/download/v2.5.1/osv-scanner_linux_amd64 osv-scanner
osv-scanner aarch64 3d0f5aa5a6baa8eb32bcef247388e149ef6030a6634ccae6fa0d62681fb27a6d https://github.com/google/osv-scanner/releases/download/v2.5.1/osv-scanner_linux_arm64 osv-scanner
END
}

# use_tool NAME ADDRESS: have NAME on the PATH, or note that it is missing.
use_tool() {
  if [ -n "${CI:-}" ] && ! command -v "$1" >/dev/null; then
    tool_folder=$(tool_install "$1") || die "could not install $1"
    PATH=$PATH:$tool_folder
  fi
  need_tool "$1" "$2"
}

# tool_install NAME: prints the folder that has it.
tool_install() (
  machine=$(uname -m | sed 's/^arm64$/aarch64/')
  # Alpine's C library is another: where there is a file for it, that one.
  libc=''
  [ ! -e /etc/alpine-release ] || libc=-alpine
  row=$(tool_files | awk -v name="$1" -v machine="$machine" -v libc="$libc" '
    $1 == name && ($2 == machine libc || $2 == machine && !row) { row = $3 " " $4 " " $5 }
    END { print row }')
  [ -n "$row" ] && [ "$(uname)" = Linux ] || die "no $1 for $(uname) on $machine"
  sha256=${row%% *}
  member=${row##* }
  address=${row#* }
  address=${address% *}

  folder=$PWD/.cache/tools/$sha256
  if [ ! -x "$folder/$1" ]; then
    mkdir -p "$folder" || exit
    file=$folder/download
    curl --silent --show-error --fail --location --retry 3 --connect-timeout 10 --max-time 300 \
      --output "$file" "${TOOLS_MIRROR:-https:/}/${address#https://}" || exit
    echo "$sha256  $file" | sha256sum -c - >/dev/null 2>&1 || die "$address is not the file that its SHA-256 names"
    case $address in
      *.tar.gz) tar -xzOf "$file" "$member" >"$folder/new" || exit ;;
      *) cp "$file" "$folder/new" || exit ;;
    esac
    chmod +x "$folder/new" && mv "$folder/new" "$folder/$1" && rm "$file" || exit
  fi
  echo "$folder"
)
