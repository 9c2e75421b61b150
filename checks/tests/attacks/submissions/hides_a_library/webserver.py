"""The solution, beside a package http of its own."""

import solution

solution.main()
