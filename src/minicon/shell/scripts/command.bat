@REM One `minicon` command line in cmd.exe. __MINICON_AS is a program of another name, if it is set.
@SET "__MINICON_PROGRAM=%MINICON_EXE%"
@IF DEFINED __MINICON_AS SET "__MINICON_PROGRAM=%__MINICON_AS%"
@IF "%~2"=="-h" GOTO program
@IF "%~2"=="--help" GOTO program
@IF "%~1"=="activate" GOTO change
@IF "%~1"=="deactivate" GOTO change

:program
@CALL "%__MINICON_PROGRAM%" %*
@IF ERRORLEVEL 1 EXIT /B %ERRORLEVEL%
@IF NOT DEFINED CONDA_PREFIX EXIT /B 0
@FOR %%W IN (install update upgrade remove uninstall rollback undo redo sync apply env) DO @IF "%~1"=="%%W" GOTO again
@EXIT /B 0

:again
@SET "__MINICON_TEXT=%TEMP%\minicon-%RANDOM%%RANDOM%.bat"
@CALL "%__MINICON_PROGRAM%" shell.cmd.exe reactivate > "%__MINICON_TEXT%"
@GOTO run

:change
@SET "__MINICON_TEXT=%TEMP%\minicon-%RANDOM%%RANDOM%.bat"
@CALL "%__MINICON_PROGRAM%" shell.cmd.exe %* > "%__MINICON_TEXT%"
@GOTO run

:run
@IF ERRORLEVEL 1 GOTO failed
@REM The code is UTF-8.
@FOR /F "tokens=2 delims=:." %%P IN ('CHCP') DO @SET "__MINICON_CODE_PAGE=%%P"
@CHCP 65001 >NUL
@CALL "%__MINICON_TEXT%"
@CHCP %__MINICON_CODE_PAGE% >NUL
@SET "__MINICON_CODE_PAGE="
@DEL /Q "%__MINICON_TEXT%" >NUL 2>&1
@SET "__MINICON_TEXT="
@EXIT /B 0

:failed
@DEL /Q "%__MINICON_TEXT%" >NUL 2>&1
@SET "__MINICON_TEXT="
@EXIT /B 1
