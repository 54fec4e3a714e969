# Writes OUTPUT, a header that defines REPSCOPE_COMMIT: what git calls the commit of the checkout SOURCE, "unknown"
# outside of one. The file is left alone if it has the same text already, so that nothing is compiled again.
set(commit "unknown")
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND "${GIT_EXECUTABLE}" rev-parse --show-toplevel WORKING_DIRECTORY "${SOURCE}"
    OUTPUT_VARIABLE top OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  file(REAL_PATH "${SOURCE}" source)
  # A copy inside of another project's repository has no commit of its own.
  if(top STREQUAL source)
    execute_process(COMMAND "${GIT_EXECUTABLE}" describe --tags --always --dirty --abbrev=12
      WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE status OUTPUT_VARIABLE described
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    if(status EQUAL 0)
      set(commit "${described}")
    endif()
  endif()
endif()
file(CONFIGURE OUTPUT "${OUTPUT}" CONTENT "#define REPSCOPE_COMMIT \"${commit}\"\n" @ONLY)
