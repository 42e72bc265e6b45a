"""Files of a workspace: announced, uploaded, completed, and ready after a while."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Lock

from spikewatch.sandbox.chat.exchange import Json, Refusal, decoded


@dataclass(frozen=True, slots=True)
class ChatFile:
    """A file that was uploaded; `content` is None until it was, and `completed` once a message may show it."""

    id: str
    name: str
    length: int
    alt: str = ""
    content: bytes | None = None
    completed: bool = False


class Files:
    """The files of a workspace; `methods` are those of the Web API that are about them.

    slow     how many times `files.info` says that a file is not ready yet
    address  returns where files are uploaded
    """

    def __init__(self, *, slow: int, address: Callable[[], str]) -> None:
        """Hold no file yet."""
        self._slow = slow
        self._address = address
        self._lock = Lock()
        self._files: dict[str, ChatFile] = {}
        self._asked: dict[str, int] = {}
        self.methods: Mapping[str, Callable[[Json], Json]] = {
            "files.completeUploadExternal": self._complete_upload,
            "files.delete": self._delete_file,
            "files.getUploadURLExternal": self._upload_url,
            "files.info": self._file_info,
        }

    @property
    def all(self) -> Sequence[ChatFile]:
        """The files, oldest first."""
        with self._lock:
            return tuple(self._files.values())

    def fits(self, name: str, content: bytes) -> bool:
        """Tell whether a file of this length was announced."""
        with self._lock:
            return name in self._files and self._files[name].length == len(content)

    def keep(self, name: str, content: bytes) -> None:
        """Keep the bytes of an announced file."""
        with self._lock:
            self._files[name] = replace(self._files[name], content=content)

    def is_ready(self, file: str) -> bool:
        """Tell whether a file may be shown."""
        with self._lock:
            return (
                file in self._files
                and self._files[file].completed
                and self._asked.get(file, 0) >= min(1, self._slow)
            )

    def _upload_url(self, arguments: Json) -> Json:
        with self._lock:
            file = ChatFile(
                id=f"F{len(self._files) + 1:08d}",
                name=str(arguments.get("filename") or ""),
                length=int(arguments.get("length") or 0),
                alt=str(arguments.get("alt_txt") or ""),
            )
            if not file.name or not file.length:
                raise Refusal("invalid_arguments")
            self._files[file.id] = file
        return {"upload_url": f"{self._address()}{file.id}", "file_id": file.id}

    def _complete_upload(self, arguments: Json) -> Json:
        with self._lock:
            wanted = [str(entry.get("id")) for entry in decoded(arguments.get("files")) or []]
            for name in wanted:
                file = self._files.get(name)
                if file is None or file.content is None:
                    raise Refusal("file_not_found")
                self._files[name] = replace(file, completed=True)
        return {"files": [{"id": name} for name in wanted]}

    def _file_info(self, arguments: Json) -> Json:
        with self._lock:
            name = str(arguments.get("file", ""))
            file = self._files.get(name)
            if file is None:
                raise Refusal("file_not_found")
            asked = self._asked[name] = self._asked.get(name, 0) + 1
        ready = file.completed and asked > self._slow
        return {"file": {"id": name, "name": file.name, "mimetype": "image/png" if ready else ""}}

    def _delete_file(self, arguments: Json) -> Json:
        with self._lock:
            if self._files.pop(str(arguments.get("file", "")), None) is None:
                raise Refusal("file_not_found")
        return {}
