"""Where ops/deploy and its like enter, by `engine` of common.sh: a task and its arguments."""

import sys

if sys.version_info < (3, 9):
    sys.stderr.write("%s: cannot start without Python 3.9 or newer\n" % sys.argv[1])
    sys.exit(3)

from engine.tasks import main

sys.exit(main(sys.argv[1], sys.argv[2:]))
