"""The solution, beside its own package named http, which hides the one of the standard library."""

import solution

solution.main()
