@REM minicon's hook for cmd.exe: `minicon` becomes a macro that calls command.bat (beside this
@REM file), which runs code that the program prints. The lines before this define MINICON_EXE.
@DOSKEY minicon="%__MINICON_COMMANDS%" $*
