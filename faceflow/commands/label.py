"""`faceflow label`."""

from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import arg

from faceflow.arguments import Frame1, Frame2, Out
from faceflow.console import say


def label(
    frame1: Frame1,
    frame2: Frame2,
    out: Out,
    method: str | None = None,
    landmarks: Annotated[str, arg(metavar="SOURCE")] = "face_mesh",
    part: Literal["all", "head", "expression"] = "all",
    picture: Path | None = None,
) -> None:
    """Make the dense flow of a pair of frames from the facial landmarks in both.

    Args:
        frame1: First picture.
        frame2: Second picture, of the same size.
        out: Flow file to write: .flo, .png (KITTI), .npz or .pfm.
        method: Label method: sparse, mesh, mesh_matched, spline or refined. By default mesh. With landmarks
            of other programs, only sparse is available.
        landmarks: Source of the landmarks: face_mesh; KIND:FILE1,FILE2 with a file for each picture; or
            KIND:FILE with one file for both. KIND is openface, pyfeat, pts or ibug.
        part: Part of the motion to write: all, the motion of the rigid head, or the expression alone.
        picture: PNG to write with the frames, the flow in colour, and arrows.
    """
    from pipelines.errors import InputError, naming
    from pipelines.files import check_outputs
    from pipelines.image.frame_check import check_frames
    from pipelines.io.flow_io import check_flow_path, write_flow
    from pipelines.io.images import check_picture_path, read_images, write_image
    from pipelines.io.landmark_tables import read_pair_landmarks
    from pipelines.labels import make_label
    from pipelines.labels.rigid_motion import split_head
    from pipelines.landmarks.detector import FaceMesh, find_face
    from pipelines.visualization.flow_pictures import flow_panel

    check_flow_path(out)
    if picture:
        check_picture_path(picture)
    check_outputs(out, picture, inputs=(frame1, frame2))
    frames = read_images([frame1, frame2])
    with naming(frame1, frame2):
        check_frames(*frames)
    if landmarks == "face_mesh":
        with FaceMesh() as face_mesh:
            face1 = find_face(face_mesh, frames[0], str(frame1))
            face2 = find_face(face_mesh, frames[1], str(frame2), same_as=face1)
        for path, face in ((frame1, face1), (frame2, face2)):
            if face.faces_in_frame > 1:
                say(f"{path}: {face.faces_in_frame} faces; the largest of the first frame is taken")
        points1, points2 = face1.landmarks, face2.landmarks
    else:
        if part != "all":
            raise InputError("--part needs the 478 landmarks of face_mesh; leave --landmarks out")
        (points1, points2), issues = read_pair_landmarks(landmarks)
        for issue in issues:
            say(issue)
    made = make_label(method or ("mesh" if landmarks == "face_mesh" else "sparse"), *frames, points1, points2)
    flow = made.flow
    if part != "all":
        head, expression = split_head(points1, points2, flow, made.valid)
        flow = head if part == "head" else expression
    write_flow(out, flow, made.valid)
    if picture:
        write_image(picture, flow_panel(*frames, flow, made.valid))
    say(f"{out}: {made.valid.mean():.0%} of the picture labelled")
