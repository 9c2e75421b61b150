"""The solution, in a folder full of modules that would spring in the grader."""

import solution

solution.main()
