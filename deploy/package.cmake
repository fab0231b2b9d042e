# The Debian package, which scripts/package makes: the prefix has to be /usr.
install(FILES deploy/systemd/kith.service deploy/systemd/kith-backup.service deploy/systemd/kith-backup.timer
        DESTINATION lib/systemd/system COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/kith.toml DESTINATION /etc/kith COMPONENT package EXCLUDE_FROM_ALL)
install(FILES deploy/prometheus/kith.rules.yml deploy/grafana/kith.json DESTINATION share/kith COMPONENT package
        EXCLUDE_FROM_ALL)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION share/doc/kith COMPONENT package EXCLUDE_FROM_ALL)
install(DIRECTORY docs/ DESTINATION share/doc/kith/docs COMPONENT package EXCLUDE_FROM_ALL
        FILES_MATCHING PATTERN "*.md")

set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)  # kith is built before, tests need not be
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kith)
set(CPACK_PACKAGE_CONTACT "The Kith developers <kith@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "live customer profile store")
set(CPACK_PACKAGE_DESCRIPTION "Merges events about customers into live profiles and segments, durably and without double counting.")
set(CPACK_SET_DESTDIR ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_COMPONENTS_ALL Unspecified package)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS passwd)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS prometheus)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    "${PROJECT_SOURCE_DIR}/deploy/debian/postinst;${PROJECT_SOURCE_DIR}/deploy/debian/prerm;${PROJECT_SOURCE_DIR}/deploy/debian/postrm;${PROJECT_SOURCE_DIR}/deploy/debian/conffiles")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
