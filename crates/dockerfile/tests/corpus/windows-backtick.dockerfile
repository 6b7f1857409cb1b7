# escape=`
# syntax=docker/dockerfile:1

FROM mcr.microsoft.com/windows/nanoserver:ltsc2022
WORKDIR C:\app
COPY app.exe C:\app\
RUN powershell -Command `
    Get-ChildItem C:\ ; `
    Write-Host done
SHELL ["powershell", "-Command"]
ENTRYPOINT ["C:\\app\\app.exe"]
