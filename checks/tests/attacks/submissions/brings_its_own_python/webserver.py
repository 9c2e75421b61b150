"""The solution, in a folder with modules that would do harm if the grader imported them."""

import solution

solution.main()
