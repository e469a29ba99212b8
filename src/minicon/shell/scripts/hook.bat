@REM minicon's hook for cmd.exe: `minicon` becomes a macro that calls command.bat (beside this
@REM file), which runs the text that the program computes. The lines before define MINICON_EXE.
@DOSKEY minicon="%__MINICON_COMMANDS%" $*
