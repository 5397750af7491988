; Inno Setup 6: a per-user installer that needs no administrator.
;   python -m resources.packaging          (writes dist\geb-chat)
;   iscc /DVersion=0.1.0 resources\packaging\windows\geb-chat.iss
#ifndef Version
  #error Give the version: iscc /DVersion=X.Y.Z
#endif
#define Root "..\..\.."

[Setup]
AppId={{6E0B6C1E-5B0C-4C0E-9C43-6F2E7C1B8A55}
AppName=GEB Chat
AppVersion={#Version}
AppPublisher=The GEB Chat developers
DefaultDirName={localappdata}\Programs\GEB Chat
DefaultGroupName=GEB Chat
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
MinVersion=10.0.17763
LicenseFile={#Root}\LICENSE
SetupIconFile={#Root}\build\package\icons\geb-chat.ico
UninstallDisplayIcon={app}\geb-chat.exe
OutputDir={#Root}\dist
OutputBaseFilename=GEB-Chat-{#Version}-windows-x64
Compression=lzma2/max
SolidCompression=yes
; The program may be open: it is asked to close, and started again afterwards.
CloseApplications=yes
RestartApplications=yes
ChangesAssociations=yes

[Languages]
Name: "en"; MessagesFile: "compiler:Default.isl"
Name: "zh"; MessagesFile: "compiler:Languages\ChineseSimplified.isl"

[CustomMessages]
en.DataStays=Conversations, models and settings stay in %1. Delete that folder if you do not need them any more.
zh.DataStays=对话、模型和设置保留在 %1。如果不再需要，可以删除该文件夹。

[Tasks]
Name: "desktopicon"; Description: "{cm:CreateDesktopIcon}"; GroupDescription: "{cm:AdditionalIcons}"; Flags: unchecked

[InstallDelete]
; An upgrade must not leave libraries of the former version beside the new ones.
Type: filesandordirs; Name: "{app}\_internal"

[Files]
Source: "{#Root}\dist\geb-chat\*"; DestDir: "{app}"; Flags: ignoreversion recursesubdirs createallsubdirs

[Icons]
Name: "{group}\GEB Chat"; Filename: "{app}\geb-chat.exe"
Name: "{autodesktop}\GEB Chat"; Filename: "{app}\geb-chat.exe"; Tasks: desktopicon

[Run]
Filename: "{app}\geb-chat.exe"; Description: "{cm:LaunchProgram,GEB Chat}"; Flags: nowait postinstall skipifsilent

[Code]
procedure CurUninstallStepChanged(Step: TUninstallStep);
begin
  if (Step = usPostUninstall) and not UninstallSilent then
    MsgBox(FmtMessage(CustomMessage('DataStays'), [ExpandConstant('{localappdata}\geb-chat')]),
      mbInformation, MB_OK);
end;
