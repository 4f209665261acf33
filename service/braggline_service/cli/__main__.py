"""python -m braggline_service.cli"""

from braggline_service.cli import main

main()
