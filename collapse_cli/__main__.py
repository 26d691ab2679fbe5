"""python -m collapse_cli"""

import sys

from collapse_cli.cli import main

sys.exit(main())
